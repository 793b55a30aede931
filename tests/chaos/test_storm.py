"""The storm's short form: every kind of run, every kind of fault, and nothing lost or doubled.

The long form is ``make chaos``; docs/chaos.md has its figures. A seed that failed is run again by
``python -m tests.chaos.storm --seed N``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.storm.failpoints import POINTS
from tests.servers import ROOT

SECONDS = float(os.environ.get("CHAOS_SECONDS", "10"))
SETTLE_SECONDS = 60
pytestmark = pytest.mark.timeout(SECONDS + SETTLE_SECONDS * 3 + 180)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("storm")
    path = folder / "report.json"
    command = [
        sys.executable, "-m", "tests.chaos.storm", "--every-point", "--seconds", str(SECONDS),
        "--settle", str(SETTLE_SECONDS), "--json", str(path), "--keep", str(folder / "logs"),
    ]  # fmt: skip
    if seed := os.environ.get("CHAOS_SEED"):
        command += ["--seed", seed]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert path.exists(), done.stdout + done.stderr
    sys.stdout.write(done.stdout)
    made: dict[str, Any] = json.loads(Path(path).read_text())
    return made


@pytest.mark.parametrize("wrong", ["lost", "doubled", "stuck", "wrong", "left_over"])
def test_the_storm_leaves_nothing(report: dict[str, Any], wrong: str) -> None:
    assert report[wrong] == [], f"seed {report['seed']}"


def test_the_ledger_is_whole(report: dict[str, Any]) -> None:
    assert "good" in report["ledger"]


def test_a_process_died_at_every_commit_point(report: dict[str, Any]) -> None:
    assert report["commit_points_not_reached"] == []
    assert set(report["commit_points"]) == {point for point in POINTS if point}


def test_the_storm_did_harm_while_runs_went_on(report: dict[str, Any]) -> None:
    """A harness that did no harm, or whose runs did not run, would prove nothing."""
    assert report["faults"] >= len(POINTS)
    assert report["effects"] > report["runs"] > SECONDS
    assert len(report["faults_by_kind"]) >= 4
