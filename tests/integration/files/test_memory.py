"""A large artifact is stored, read and sent without being in memory as a whole."""

import subprocess
import sys

import pytest

from tests import servers
from tests.integration.files.conftest import KEYS, KINDS
from tests.servers import ROOT

pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(300)]
MOST = 80 * 1024 * 1024
PROGRAM = """
import asyncio, hashlib, os, tempfile
import django; django.setup()
from functools import partial
from pathlib import Path
from django.core.files import File
from django.test import RequestFactory
from django.utils import timezone
from flows.models import Artifact
from flows.runtime.artifacts import ArtifactFiles, open_artifact, store_artifact, store_file
from workbench.http.sending import send_file

def use(size):
    with tempfile.TemporaryFile() as file:
        part, found = os.urandom(1024 * 1024), hashlib.sha256()
        for _ in range(size // len(part)):
            file.write(part); found.update(part)
        file.seek(0)
        digest = found.hexdigest()
        store_file(file=File(file), digest=digest, size=size, media_type="", name="a",
                   now=timezone.now())
    artifact = Artifact.objects.get(digest=digest)
    with tempfile.TemporaryDirectory() as folder:
        ArtifactFiles().copy(digest, Path(folder) / "copy")
        assert (Path(folder) / "copy").stat().st_size == size
    answer = send_file(RequestFactory().get("/"), partial(open_artifact, artifact), size=size,
                       digest=digest)
    async def receive():
        return sum([len(part) async for part in answer])
    assert asyncio.run(receive()) == size
    answer.close()

def peak():
    # ru_maxrss would begin at what the process had that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

use(1024 * 1024)
before = peak()
use(200 * 1024 * 1024)
print(peak() - before)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_200_mb_take_little_memory(kind: str, request: pytest.FixtureRequest) -> None:
    given = {"DJANGO_SETTINGS_MODULE": "workbench.settings"}
    if kind.endswith("s3"):
        given |= request.getfixturevalue("bucket").settings
    if kind.startswith("encrypted"):
        given["ARTIFACT_KEYS"] = KEYS[0]
    with servers.private_folder() as var:
        servers.manage(var, "migrate", "--verbosity", "0")
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, env=servers.environment(var, **given),
            capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    grown = int(done.stdout.split()[-1])
    sys.stdout.write(f"\n{kind}: {grown / 1024 / 1024:.0f} MiB more for 200 MiB\n")
    assert grown < MOST
