"""A process that runs collects garbage seldom, and never in what it loaded at its start."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers

pytestmark = pytest.mark.own_servers

ROOT = Path(__file__).parents[3]
STARTS = {
    "web": "import workbench.asgi",
    "worker": "from workbench import worker; from workbench.process.parts import RunDriver; "
    "driver = RunDriver(); driver.after_process_boot(worker.broker); "
    "driver.before_worker_shutdown(worker.broker, None)",
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_process_collects_seldom_and_not_what_it_has_loaded(kind: str, tmp_path: Path) -> None:
    servers.manage(tmp_path, "migrate", "--verbosity", "0")
    program = f"{STARTS[kind]}\nimport gc; print(gc.get_freeze_count(), gc.get_threshold()[0])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=servers.environment(tmp_path),
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    frozen, threshold = map(int, done.stdout.split()[-2:])
    assert frozen > 100_000
    assert threshold == 10_000
