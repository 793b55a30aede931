"""How the benchmark talks to what it measures: a process that fails or ends is told apart."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.conversation import ProcessFailed, Speaker, ask_all, start_speaker

PROGRAM = """
from bench.conversation import answer

def divide(by):
    print("libraries print what they like")
    return 12 / by

def leave():
    raise SystemExit(3)

answer({"divide": divide, "leave": leave})
"""


@pytest.fixture
def speaker(tmp_path: Path) -> Iterator[Speaker]:
    command = [sys.executable, "-c", PROGRAM]
    with start_speaker(command, folder=tmp_path, environment=os.environ) as speaker:
        speaker.wait_until_ready()
        yield speaker


def test_each_request_is_answered_and_prints_do_not_disturb(speaker: Speaker) -> None:
    assert ask_all([speaker], "divide", [{"by": 3}]) == [4.0]
    assert speaker.ask("divide", by=2) == 6.0


def test_a_failure_is_told_with_its_cause_and_the_process_answers_on(speaker: Speaker) -> None:
    with pytest.raises(ProcessFailed, match="ZeroDivisionError"):
        speaker.ask("divide", by=0)
    assert speaker.ask("divide", by=12) == 1.0


def test_a_process_that_ends_is_not_waited_for(speaker: Speaker) -> None:
    with pytest.raises(ProcessFailed, match="It ended"):
        speaker.ask("leave")
