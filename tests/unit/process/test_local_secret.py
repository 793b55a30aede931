"""Processes that start together agree on the secrets that they make."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

NAMES = 300
CHILD = f"""
import json, sys
from workbench.settings import VAR_DIR, local_secret
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps([local_secret(f"secret-{{each}}") for each in range({NAMES})]), flush=True)
"""


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD],
        env={**os.environ, "COUNTERSIGN_VAR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_processes_that_start_together_read_the_same_whole_secrets(tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    assert [read_line(each) for each in both] == ["ready", "ready"]
    for each in both:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    one, other = (json.loads(each.communicate(timeout=60)[0]) for each in both)
    assert one == other
    assert {len(secret) for secret in one} == {64}
    made = sorted(tmp_path.iterdir())
    # The names, secret-key, and nothing that was left aside.
    assert len({path.name for path in made} - {"secret-key"}) == NAMES
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
