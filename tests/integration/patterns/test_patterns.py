"""Each control-flow pattern does, on the real driver, what the catalogue demands of it."""

from pathlib import Path

import pytest

from flows.graph.validation import validate
from flows.steps.catalogue import catalogue
from tests.integration.patterns.plays import PLAYS
from tests.integration.patterns.stage import document, pattern_files, staged

FILES = pattern_files()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_pattern_does_what_it_demands(path: Path) -> None:
    with staged(path.stem, riders=8) as stage:
        PLAYS[int(path.stem[:2])](stage)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_document_has_no_problem(path: Path) -> None:
    made = document(path.stem)
    assert made.name == f"pattern-{path.stem}"
    assert validate(made, catalogue()) == []
