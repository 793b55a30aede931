"""A document of a released format means tomorrow what it means today.

For each released format there is a folder with documents as they were then, and the journals of
their runs. A play is acted again by one rider, so that the order is always the same, and what the
journals say must be the same too. A change that breaks this needs a new format.

``RECORD_HISTORIES=1`` writes what is missing; what was recorded before is never written again.
"""

import os
import shutil
from pathlib import Path

import pytest

from flows.graph.model import SCHEMA
from flows.models import Journal, Run
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
        PLAYS[int(stem[:2])](stage)
    history = HERE / folder / f"{stem}.txt"
    if RECORDING and not history.exists():
        history.write_text(_told(), encoding="utf-8")
    assert _told() == history.read_text(encoding="utf-8")


def test_the_present_format_has_a_history_of_every_pattern() -> None:
    assert SCHEMA == "countersign/flow@1"
    recorded = {stem for folder, stem in ALL if folder == FORMATS[-1]}
    assert recorded >= {path.stem for path in pattern_files()}


def _told() -> str:
    """Return every run with its journal, in order: kind, step and port of each row."""
    lines = []
    for run in Run.objects.select_related("flow").order_by("pk"):
        lines.append(" ".join(filter(None, [run.flow.name, run.status, run.outcome])))
        rows = Journal.objects.filter(run_id=run.pk).order_by("seq")
        for kind, step, port in rows.values_list("kind", "step", "port"):
            lines.append("  " + " ".join(filter(None, [kind, step, port])))
    return "\n".join(lines) + "\n"
