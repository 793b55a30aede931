"""Settings of the tests: a folder of their own, fast passwords, the store that is asked for.

With nothing set, SQLite. ``TEST_DATABASE_URL`` and ``TEST_REDIS_URL`` (see tests/servers.py) put
the same tests on PostgreSQL and Redis; ``TEST_ARTIFACT_STORE`` and ``TEST_ARTIFACT_KEYS`` put their
files elsewhere.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_var = tempfile.mkdtemp(prefix="countersign-test-")
Path(_var, "static").mkdir()
atexit.register(shutil.rmtree, _var, ignore_errors=True)
_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")

os.environ["COUNTERSIGN_VAR"] = _var
os.environ["SECRET_KEY"] = "only for tests"
for _name in ("DATABASE_URL", "REDIS_URL", "SITE_URL", "PORT", "OUTGOING_ALLOWLIST", "EMAIL_HOST"):
    os.environ.pop(_name, None)
for _name in ("ARTIFACT_STORE", "ARTIFACT_KEYS", "ARTIFACT_KEYS_FILE"):
    os.environ[_name] = os.environ.get(f"TEST_{_name}", "")
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
if "TEST_REDIS_URL" in os.environ:
    # One logical database for each parallel test process.
    os.environ["REDIS_URL"] = f"{os.environ['TEST_REDIS_URL'].rstrip('/')}/{_worker}"

from workbench.settings import *  # noqa: E402, F403
from workbench.settings import DATABASES, VAR_DIR  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads get connections of their own, as in a real process.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
    # No test cuts the power, which is what waiting for the disk guards against.
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
DATABASES["default"]["CONN_MAX_AGE"] = 0
