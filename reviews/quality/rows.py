"""The rows of a dataset: one decision each, as canonical JSON lines in a fixed order."""

import hashlib
import hmac
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import IO, Any

from django.conf import settings
from django.db.models import QuerySet

from reviews.models import Case, Decision
from reviews.models.quality import DecisionFact
from reviews.quality.places import find_value
from reviews.rules.documents import get_artifact_digest, list_documents
from workbench.audit.canonical import canonical_bytes

Json = Any
# The columns of a row by their type, in the order of CSV and Parquet, where "json" is text.
COLUMNS: dict[str, str] = {
    "decision": "int", "case": "int", "run": "int", "at": "text", "flow": "text",
    "flow_version": "int", "step": "text", "queue": "text", "check": "text", "model": "text",
    "model_version": "text", "suggestion": "text", "confidence": "number", "first_choice": "text",
    "outcome": "text", "agreed": "boolean", "reasons": "json", "comment": "text",
    "overrides": "json", "fields": "json", "form": "json", "reviewer": "text",
    "active_seconds": "int", "receipt_sha256": "text",
}  # fmt: skip
# Only in datasets that ask for it: the bytes of those that do not must stay as they were.
PLACES = {"places": "json"}
BATCH = 500


def list_columns(wanted: Mapping[str, Json]) -> dict[str, str]:
    """Return the columns of a dataset with this filter, by their type."""
    return COLUMNS | PLACES if wanted.get("with_places") else COLUMNS


def iterate_rows(
    wanted: Mapping[str, Json], up_to: int, before: datetime
) -> Iterator[dict[str, Json]]:
    """Yield the rows in the order of the decisions' ids: one query for each 500."""
    facts = filter_facts(wanted).filter(pk__lte=up_to, at__lt=before)
    for fact in facts.order_by("pk").iterator(BATCH):
        yield make_row(fact, wanted)


def filter_facts(wanted: Mapping[str, Json]) -> QuerySet[DecisionFact]:
    """Return the facts of the decisions that the filter means, with what a row needs of others."""
    conditions = {
        "flow": wanted.get("flow"),
        "queue__name": wanted.get("queue"),
        "outcome": wanted.get("outcome"),
        "corrected__gt": 0 if wanted.get("only_corrected") else None,
        "at__gte": _day(wanted.get("since")),
        "at__lt": _day(wanted.get("until"), timedelta(days=1)),
    }
    given = {name: value for name, value in conditions.items() if value not in (None, "")}
    found = DecisionFact.objects.filter(**given)
    return found.select_related("decision__case", "queue", "reviewer")


def _day(text: str | None, more: timedelta = timedelta(0)) -> datetime | None:
    """Return the start of a day in UTC, so that the rows do not depend on a time zone."""
    return datetime.combine(date.fromisoformat(text), time(), UTC) + more if text else None


def make_row(fact: DecisionFact, wanted: Mapping[str, Json]) -> dict[str, Json]:
    """Return the row of a decision, without what the filter leaves out and without names."""
    left_out, named = frozenset(wanted.get("leave_out") or ()), wanted.get("named_reviewers")
    decision: Decision = fact.decision
    case = decision.case
    fields = decision.receipt.get("fields") or {}
    return {
        **_case_columns(case),
        **_fact_columns(fact),
        "decision": decision.pk,
        "outcome": decision.outcome,
        "reasons": decision.reasons,
        "comment": decision.comment,
        "overrides": [each for each in decision.overrides if each.get("field") not in left_out],
        "fields": {key: value for key, value in fields.items() if key not in left_out},
        "form": {key: value for key, value in decision.form.items() if key not in left_out},
        "reviewer": fact.reviewer.username if named else pseudonym_of(fact.reviewer.username),
        "receipt_sha256": decision.digest,
        **({"places": _list_places(decision, left_out)} if wanted.get("with_places") else {}),
    }


def _list_places(decision: Decision, left_out: frozenset[str]) -> list[dict[str, Json]]:
    """Return where each field stood on the documents, as it was read and as it was concluded.

    ``read`` is the text at the place; ``value`` is what a person made of it, if they corrected it,
    else what was shown. ``corrected_place`` is where the person marked it, else where the pages say
    what they made of it. A field that was nowhere has what they marked alone.
    """
    evidence = decision.receipt.get("evidence") or {}
    values = decision.receipt.get("fields") or {}
    overridden = {each.get("field") for each in decision.overrides}
    marked = {each["field"]: each for each in decision.places}
    documents = list_documents(evidence.get("shown") or {})
    boxes = [(document, box) for document in documents for box in document.get("boxes") or ()]
    boxed = {box["key"] for _, box in boxes}
    read = [
        {
            **_place_of(document, box),
            "value": values.get(box["key"]),
            "corrected": box["key"] in overridden | marked.keys(),
            "corrected_place": _find_corrected(document, box["key"], values, overridden, marked),
        }
        for document, box in boxes
    ]
    added = [
        {
            **_place_of({}, {"key": key}),
            "value": values.get(key),
            "corrected": True,
            "corrected_place": _as_corrected(place),
        }
        for key, place in marked.items()
        if key not in boxed
    ]
    return [each for each in (*read, *added) if each["field"] not in left_out]


def _place_of(document: Mapping[str, Json], box: Mapping[str, Json]) -> dict[str, Json]:
    """Return where a field was read; a field that was nowhere has no document and no place."""
    return {
        "field": box["key"],
        "document": document.get("id"),
        "artifact": get_artifact_digest(document.get("artifact")),
        "page": box.get("page", 1) if document else None,
        "at": box.get("at"),
        "read": box.get("text", ""),
        "confidence": box.get("confidence"),
    }


def _find_corrected(
    document: Mapping[str, Json],
    key: str,
    values: Mapping[str, Json],
    overridden: Collection[Json],
    marked: Mapping[str, Mapping[str, Json]],
) -> dict[str, Json] | None:
    if key in marked:
        return _as_corrected(marked[key])
    return find_value(document, values.get(key)) if key in overridden else None


def _as_corrected(place: Mapping[str, Json]) -> dict[str, Json]:
    kept = {name: place[name] for name in ("document", "page", "at", "text")}
    return {**kept, "by": "person"}


def _case_columns(case: Case) -> dict[str, Json]:
    return {
        "case": case.pk,
        "run": case.run_id,
        "flow": case.flow,
        "flow_version": case.flow_version,
        "step": case.step,
    }


def _fact_columns(fact: DecisionFact) -> dict[str, Json]:
    return {
        "at": fact.at.isoformat(),
        "queue": fact.queue.name,
        "check": fact.check_kind,
        "model": fact.model,
        "model_version": fact.model_version,
        "suggestion": fact.suggestion,
        "confidence": fact.confidence,
        "first_choice": fact.first_outcome,
        "agreed": fact.agreed,
        "active_seconds": fact.active_seconds,
    }


def pseudonym_of(username: str) -> str:
    """Return a name that is always the same for a person and does not reveal who it is."""
    key = settings.SECRET_KEY.encode()
    digest = hmac.new(key, f"dataset reviewer {username}".encode(), hashlib.sha256).hexdigest()
    return f"reviewer-{digest[:12]}"


def write_rows(out: IO[bytes], rows: Iterator[dict[str, Json]]) -> tuple[int, str]:
    """Write the rows as canonical JSON lines; return their number and their SHA-256."""
    hashed, count = hashlib.sha256(), 0
    for row in rows:
        line = canonical_bytes(row) + b"\n"
        hashed.update(line)
        out.write(line)
        count += 1
    return count, hashed.hexdigest()
