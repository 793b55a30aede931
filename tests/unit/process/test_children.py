"""Children that are kept running: replaced when they die, ended by a signal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until

pytestmark = pytest.mark.unit

KEEP = """
import logging, sys
from workbench.process.children import Children
logging.basicConfig()
sys.exit(Children([sys.executable, "-c", sys.argv[1]], int(sys.argv[2])).run())
"""
# Says who it is, and leaves with 0 when it is asked to.
GOOD = """
import os, pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
pathlib.Path({folder!r}, str(os.getpid())).touch()
while True:
    signal.pause()
"""


def keep(code: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", KEEP, code, str(count)],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def pids(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir()}


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_killed_child_is_replaced_and_a_signal_ends_all(
    tmp_path: Path, with_signal: signal.Signals
) -> None:
    with keep(GOOD.format(folder=str(tmp_path)), 2) as parent:
        until(lambda: len(pids(tmp_path)) == 2, "two children")
        os.kill(min(pids(tmp_path)), signal.SIGKILL)
        until(lambda: len(pids(tmp_path)) == 3, "another child")
        parent.send_signal(with_signal)
        assert parent.wait(10) == 0
        for pid in pids(tmp_path):
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_children_that_end_as_soon_as_they_start_end_it_with_an_error() -> None:
    with keep("import sys; sys.exit('no broker')", 2) as parent:
        _, said = parent.communicate(timeout=20)
        assert parent.returncode == 1
        assert "end as soon as they are started" in said
        assert "no broker" in said


def test_the_first_error_of_a_child_is_the_exit_status(tmp_path: Path) -> None:
    with keep(GOOD.format(folder=str(tmp_path)).replace("sys.exit(0)", "sys.exit(3)"), 1) as parent:
        until(lambda: pids(tmp_path), "a child")
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(10) == 3
