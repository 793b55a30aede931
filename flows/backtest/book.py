"""What models have answered before, and within a budget what they answer now.

An answer is taken for the very question alone: model, words, schema, tools and parameters. What is
asked is written down at once with what it cost, so that a worker that dies pays for nothing twice.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from flows.backtest.models import Backtest
from flows.connections.models import Connection
from flows.models import RecordedAnswer
from flows.runtime.recalling import Book, find_record, read_record, save_records
from flows.spending.without_runs import count_without_run
from flows.steps.asking import check_use
from flows.steps.base import StepFailure
from flows.steps.language import Call, ChatAnswer, ChatRequest, digest_request
from flows.steps.questions import find_provider_of
from workbench.dispatch import agreed_time

Json = Any


@dataclass(slots=True)
class Budget:
    """How often models may be called, and for how much; 0 as ``most_cost`` is no limit.

    With ``ask_again`` they are called also where an answer is recorded. ``write`` keeps count where
    others see it.
    """

    ask_again: bool = False
    allowed: int = 0
    made: int = 0
    cost: float = 0.0
    most_cost: float = 0.0
    write: Callable[[int, float], None] = lambda _calls, _cost: None

    @property
    def is_left(self) -> bool:
        is_dear = self.most_cost and self.cost >= self.most_cost
        return self.made < self.allowed and not is_dear

    def count(self, made: Mapping[str, Json] | None) -> None:
        """Count a call, also one that failed: it may have been paid for."""
        cost = float((made or {}).get("cost") or 0)
        self.made += 1
        self.cost += cost
        self.write(1, cost)


def make_budget(backtest: Backtest) -> Budget:
    """Return what is left of a backtest's budget; each call is counted in its row."""

    def write(calls: int, cost: float) -> None:
        row = Backtest.objects.filter(pk=backtest.pk)
        row.update(calls_made=F("calls_made") + calls, cost=F("cost") + cost)

    return Budget(
        backtest.ask_again, backtest.calls_allowed, backtest.calls_made, backtest.cost,
        backtest.cost_allowed, write,
    )  # fmt: skip


@dataclass(slots=True)
class Tally:
    """The questions of one replayed run by their digest, and where each one's answer came from.

    ``price`` is about what the missing ones would cost, as far as ``priced`` ones tell.
    """

    recorded: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    priced: int = 0
    price: float = 0.0

    def add_recorded(self, digest: str, *, is_stale: bool) -> None:
        if digest not in self.asked:
            self.recorded.add(digest)
            if is_stale:
                self.stale.add(digest)

    def add_missing(self, digest: str, price: float | None) -> None:
        if digest in self.missing:
            return
        self.missing.add(digest)
        if price is not None:
            self.priced += 1
            self.price += price

    def as_json(self) -> dict[str, Json]:
        counts = {name: len(getattr(self, name)) for name in COUNTED}
        return {**counts, "priced": self.priced, "price": self.price}


COUNTED = ("recorded", "asked", "missing", "stale")


class Shelf:
    """The answers of a flow's runs and rehearsals, for one part of a backtest."""

    def __init__(self, flow: str) -> None:
        self.flow = flow
        self._of_runs: dict[str, RecordedAnswer] = {}
        rows = Connection.objects.values_list("name", "changed_at")
        self._changed: dict[str, datetime] = dict(rows)

    def add(self, records: Iterable[RecordedAnswer]) -> None:
        """Add what runs were answered; other backtests of the flow find it too."""
        new = [each for each in records if each.digest not in self._of_runs]
        self._of_runs.update((each.digest, each) for each in new)
        save_records(new, over=False)

    def find(self, digest: str) -> RecordedAnswer | None:
        return self._of_runs.get(digest) or find_record(self.flow, digest)

    def write(self, record: RecordedAnswer) -> None:
        save_records([record])

    def is_stale(self, model: str, at: datetime) -> bool:
        """Return whether the model's connection was changed after this answer."""
        changed = self._changed.get(model)
        return changed is not None and changed > at


class ReplayBook(Book):
    """Stands before the language models while one recorded run is replayed."""

    def __init__(self, shelf: Shelf, budget: Budget, tally: Tally) -> None:
        super().__init__(shelf.flow)
        self.shelf, self.budget, self.tally = shelf, budget, tally
        # The question that nobody may be asked, and the last one to which no answer came.
        self.lacks = self.unreached = ""
        self._made: dict[str, RecordedAnswer] = {}

    def ask(self, request: ChatRequest, purpose: str, call: Call) -> ChatAnswer:
        """Return a recorded answer, or that of a call within the budget.

        Raises: UnknownModel, UseRefused, StepFailure.
        """
        digest = digest_request(request, purpose)
        # Whoever may not ask a model is not given its answers either.
        check_use(find_provider_of(request.model), request.model, self.flow)
        if (found := self._recall(digest)) is not None:
            self.asked += 1
            is_stale = self.shelf.is_stale(request.model, found.at)
            self.tally.add_recorded(digest, is_stale=is_stale)
            return read_record(found)
        if not self.budget.is_left:
            self.asked += 1
            self.lacks = digest
            raise StepFailure(NO_ANSWER, kind="unanswered", retryable=False)
        self.unreached = digest
        answer = super().ask(request, purpose, call)
        self.unreached = ""
        return answer

    def take_lacking(self, *, failed: bool) -> str:
        """Return the question that kept a step from its answer, "" if it has one.

        Of several models that a step asks, one may be away; that is no lack if it did not fail.
        """
        lacking = self.lacks or (self.unreached if failed else "")
        self.lacks = self.unreached = ""
        return lacking

    def _recall(self, digest: str) -> RecordedAnswer | None:
        if (made := self._made.get(digest)) is not None:
            return made
        if self.budget.ask_again and self.budget.is_left:
            return None
        return self.shelf.find(digest)

    def note(self, record: RecordedAnswer | None) -> None:
        """Write a call down with what it cost."""
        made = record.provenance if record else None
        with transaction.atomic():
            self.budget.count(made)
            if record is not None:
                save_records([record])
                count_without_run([made], now=agreed_time.now(), flow=self.flow)
        if record is not None:
            self.unreached = ""
            self.tally.asked.add(record.digest)
            self._made[record.digest] = record


NO_ANSWER = "No answer of the model is recorded for this, and the budget for calls is used up."
