"""What is paid without a run counts too: rehearsals, tests of prompts, tries of connections."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from flows.assets.kinds import TestBudget, get_kind
from flows.connections import trying
from flows.graph.codec import parse
from flows.runtime.rehearsal import Stage
from flows.spending.models import Charge, Spent
from flows.steps import language
from flows.steps.base import StepFailure
from flows.steps.language import ChatAnswer, ChatRequest
from flows.steps.models import Provenance
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR
from tests.factories.prompts import TRIAGE

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENT: Any = {
    "schema": "countersign/flow@1",
    "name": "letters",
    "title": "Letters",
    "steps": {
        "ask": {"type": "llm.chat", "with": {"model": "small", "user": "Which?"}},
        "end": {"type": "end", "with": {"outcome": "sorted"}},
    },
    "edges": ["ask.done -> end"],
}


class Priced:
    """Stands for a connection whose calls cost 0.25 each."""

    name = "connection"
    is_broken = False

    def language_models(self) -> dict[str, str]:
        return {"small": "1"}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        made = Provenance("connection", "small", "1", cost=0.25, input_tokens=7, output_tokens=3)
        if self.is_broken:
            raise StepFailure("No JSON.", kind="contract", retryable=False,
                              provenance=made.as_json())  # fmt: skip
        return ChatAnswer('{"topic": "card"}', (), "stop", made)


@pytest.fixture(params=[False, True], ids=["answered", "failed"])
def priced(request: Any, monkeypatch: pytest.MonkeyPatch) -> Priced:
    provider = Priced()
    provider.is_broken = request.param
    monkeypatch.setattr(language, "_PROVIDERS", {"connection": provider})
    monkeypatch.setattr(language, "_LAST", {})
    return provider


def sums() -> dict[tuple[str, str], tuple[Decimal, int, int]]:
    assert not Charge.objects.exists()
    return {(each.payer, each.name): (each.cost, each.input_tokens, each.calls)
            for each in Spent.objects.all()}  # fmt: skip


def test_a_rehearsal_is_counted_for_its_flow(priced: Priced) -> None:
    with Stage() as stage:
        for _ in range(2):
            stage.play(parse(DOCUMENT), input={}, now=timezone.now())
    paid = (Decimal("0.5"), 14, 2)
    assert sums() == {("connection", "small"): paid, ("flow", "letters"): paid, ("all", ""): paid}


def test_tests_of_prompts_are_counted(priced: Priced) -> None:
    get_kind("prompt").run_tests("triage", TRIAGE, TestBudget("small", calls=1))
    paid = (Decimal("0.25"), 7, 1)
    assert sums() == {("connection", "small"): paid, ("all", ""): paid}


def test_a_try_is_counted(priced: Priced, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "chat_by", lambda known, request: priced.chat(request))
    row = make_connection("small", kind="openai")
    trying.try_connection(connection=row, sample="?", actor=ACTOR, now=timezone.now())
    paid = (Decimal("0.25"), 7, 1)
    assert sums() == {("connection", "small"): paid, ("all", ""): paid}
