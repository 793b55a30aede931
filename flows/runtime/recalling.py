"""Record what language models answer in rehearsals, by what they were asked.

Each answer belongs to the flow that asked, and is given to no other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flows.models import RecordedAnswer
from flows.steps.base import StepFailure
from flows.steps.language import (
    Call,
    ChatAnswer,
    ChatRequest,
    TokenChance,
    ToolCall,
    digest_request,
)
from flows.steps.models import read_provenance

Json = Any


# Whose answers are those that the test of a prompt is given: any flow's that asks the same.
NO_FLOW = ""


class Book:
    """Has every question asked, and records the answers. ``paid`` has what each call cost.

    Nothing is written before ``save``: the steps of a rehearsal are called in a thread, while the
    caller may be within a transaction.
    """

    def __init__(self, flow: str) -> None:
        self.flow = flow
        self.asked = 0
        self.paid: list[Mapping[str, Json] | None] = []
        self.kept: list[RecordedAnswer] = []

    def ask(self, request: ChatRequest, purpose: str, call: Call) -> ChatAnswer:
        """Return the answer. Raises: as ``call``."""
        self.asked += 1
        digest = digest_request(request, purpose)
        try:
            answer = call(request)
        except StepFailure as failure:
            # Without a provenance nobody answered.
            is_answer = failure.provenance is not None
            self.note(make_record(self.flow, digest, failure, request.now) if is_answer else None)
            raise
        self.note(make_record(self.flow, digest, answer, request.now))
        return answer

    def note(self, record: RecordedAnswer | None) -> None:
        """Take note of a call, None if it had no answer."""
        if record is not None:
            self.paid.append(record.provenance)
            self.kept.append(record)

    def save(self) -> None:
        """Write the answers down: one statement, none without any."""
        kept, self.kept = self.kept, []
        save_records(kept)


def make_record(
    flow: str, digest: str, given: ChatAnswer | StepFailure, at: datetime, run_id: int | None = None
) -> RecordedAnswer:
    """Return the record of an answer, or of a failure for which a server was paid."""
    if isinstance(given, StepFailure):
        told = {name: getattr(given, name) for name in ("message", "kind", "retryable", "detail")}
        answer: Json = {"failure": told}
        made = dict(given.provenance or {})
    else:
        answer = {
            "text": given.text,
            "calls": [asdict(each) for each in given.calls],
            "finish": given.finish,
            "tokens": [[each.text, each.probability] for each in given.tokens],
        }
        made = given.provenance.as_json()
    return RecordedAnswer(
        flow=flow, digest=digest, answer=answer, provenance=made, at=at, run_id=run_id
    )


def read_record(record: RecordedAnswer) -> ChatAnswer:
    """Return the answer that was recorded. Raises: StepFailure, where that is what came."""
    kept, made = record.answer, record.provenance
    calls = kept.get("calls", ())
    if failure := kept.get("failure"):
        told = {**failure, "provenance": made}
        raise StepFailure(told.pop("message"), **told)
    return ChatAnswer(
        text=kept["text"],
        calls=tuple(ToolCall(each["id"], each["name"], each["arguments"]) for each in calls),
        finish=kept["finish"],
        provenance=read_provenance(made),
        tokens=tuple(TokenChance(text, chance) for text, chance in kept["tokens"]),
    )


def find_record(flow: str, digest: str) -> RecordedAnswer | None:
    """Return what this flow, or the test of a prompt, was answered to that: one query."""
    found = RecordedAnswer.objects.filter(flow__in=[flow, NO_FLOW], digest=digest)
    return found.order_by("-at").first()


def save_records(records: Iterable[RecordedAnswer], *, over: bool = True) -> None:
    """Write answers down, in place of earlier ones if they are ``over`` these."""
    unique = list({(each.flow, each.digest): each for each in records}.values())
    if not unique:
        return
    if over:
        RecordedAnswer.objects.bulk_create(
            unique,
            update_conflicts=True,
            unique_fields=["flow", "digest"],
            update_fields=["answer", "provenance", "run", "at"],
        )
    else:
        RecordedAnswer.objects.bulk_create(unique, ignore_conflicts=True)
