"""Tamper with a ledger at random: the short form of `python -m bench.tampering`."""

from random import Random
from typing import Any

import pytest

from bench.tampering.kinds import KINDS
from bench.tampering.ledger import make_ledger
from bench.tampering.trying import try_all
from workbench.audit import verification
from workbench.audit.services import verify


@pytest.mark.django_db
def test_all_kinds_of_tampering_are_found_but_those_that_the_docs_name(
    settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(verification, "MOST_FAULTS", verification.MOST_FAULTS)
    random = Random(7)
    ledger = make_ledger(2_000, random, decisions=40, block=25)
    assert verify().ok
    result = try_all(ledger, 80, 20, random)
    assert verify().ok
    tried = {kind.name: result.tried[kind.name] for kind in KINDS}
    assert min(tried.values()) > 0, tried
    missed = {kind.name for kind in KINDS if result.missed(kind)}
    assert missed == {kind.name for kind in KINDS if kind.alone}
