"""A document of a released format means tomorrow what it means today.

For each released format there is a folder with documents as they were then, and the journals of
their runs as the engine of then wrote them: the control-flow patterns, and from 51 on failures,
time and operations, with attempts and data. A play is acted again by one rider, so that the order
is always the same, and what the journals say must be the same too. A change that breaks this needs
a new format.

``RECORD_HISTORIES=1`` writes what is missing; what was recorded before is never written again.
"""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.engine import events
from flows.graph.model import SCHEMA
from flows.models import Journal, Run
from tests.integration.golden.features import FEATURES
from tests.integration.patterns.plays import PLAYS
from tests.integration.patterns.stage import CALLED, FOLDER, pattern_files, staged

pytestmark = pytest.mark.django_db(transaction=True)

HERE = Path(__file__).parent
FORMATS = ("flow-1",)
RECORDING = os.environ.get("RECORD_HISTORIES") == "1"


def _recorded(folder: str) -> list[Path]:
    if RECORDING and folder == FORMATS[-1]:
        _copy_documents(HERE / folder)
    return sorted((HERE / folder).glob("[0-9]*.yaml"))


def _copy_documents(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for path in (*pattern_files(), *(FOLDER / f"{name}.yaml" for name in CALLED)):
        if not (folder / path.name).exists():
            shutil.copy(path, folder)


ALL = [(folder, path.stem) for folder in FORMATS for path in _recorded(folder)]


@pytest.mark.parametrize(("folder", "stem"), ALL, ids=[f"{f}-{stem}" for f, stem in ALL])
def test_the_journal_is_what_it_was(folder: str, stem: str) -> None:
    with staged(stem, riders=1, folder=HERE / folder) as stage:
        {**PLAYS, **FEATURES}[int(stem[:2])](stage)
    history = HERE / folder / f"{stem}.txt"
    told = _told(with_data=int(stem[:2]) in FEATURES)
    if RECORDING and not history.exists():
        history.write_text(told, encoding="utf-8")
    assert told == history.read_text(encoding="utf-8")


def test_the_present_format_has_a_history_of_every_pattern() -> None:
    assert SCHEMA == "countersign/flow@1"
    recorded = {stem for folder, stem in ALL if folder == FORMATS[-1]}
    assert recorded >= {path.stem for path in pattern_files()}
    assert {int(stem[:2]) for stem in recorded} == {*PLAYS, *FEATURES}


def test_every_kind_of_journal_row_is_in_a_history() -> None:
    told = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("*/*.txt"))
    # What only a dead worker, a limit, a closed breaker or people cause has tests of its own.
    elsewhere = {events.STEP_TAKEN_OVER, events.STEP_DEFERRED, events.CAME_BACK}
    assert [kind for kind in sorted(events.KINDS - elsewhere) if f"  {kind}" not in told] == []


# What differs from one machine and one hour to the next.
VOLATILE = frozenset({"at", "due_at", "until", "wait", "run", "cause", "made_at", "actor_id"})


def _told(*, with_data: bool) -> str:
    """Return every run with its journal, in order: kind, step and port of each row, and more."""
    lines = []
    for run in Run.objects.select_related("flow").order_by("pk"):
        lines.append(" ".join(filter(None, [run.flow.name, run.status, run.outcome])))
        for row in Journal.objects.filter(run_id=run.pk).order_by("seq"):
            words = [row.kind, row.step, row.port]
            if with_data:
                words += [f"#{row.attempt}" if row.attempt else "", *_data_of(row)]
            lines.append("  " + " ".join(filter(None, words)))
    return "\n".join(lines) + "\n"


def _data_of(row: Journal) -> list[str]:
    marks = ["(reused)"] if (row.provenance or {}).get("reused_from") else []
    return [json.dumps(_steady(row.data), sort_keys=True), *marks] if row.data else marks


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _steady(each) for k, each in value.items() if k not in VOLATILE}
    if isinstance(value, list):
        return [_steady(each) for each in value]
    return re.sub(r"\b[Rr]un \d+", "run N", value) if isinstance(value, str) else value
