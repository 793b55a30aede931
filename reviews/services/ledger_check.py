"""Compare every committed decision with what the ledger says of it."""

from collections.abc import Iterator, Sequence
from typing import Any

from reviews.models import Case, Decision, DecisionState
from reviews.services.receipts import compute_digest
from workbench.audit.canonical import PayloadNotCanonical
from workbench.audit.models import Entry
from workbench.audit.records import (
    Fault,
    Stated,
    changed,
    list_stated,
    missing,
    read_object,
    unrecorded,
)

FINAL = ("case.decided", "case.expired")
COUNTED = "case.approval_counted"
# What a receipt repeats of its decision.
REPEATED = ("outcome", "reasons", "grounds", "comment", "overrides", "form", "channel")


def check_decisions() -> Iterator[Fault]:
    """Yield each decision that is not as its entry and its receipt have it, or has no entry."""
    # Read before the entries: what is committed meanwhile is in neither.
    committed = dict(
        Decision.objects.filter(state=DecisionState.COMMITTED).values_list("pk", "case_id")
    )
    stated_ids: set[int] = set()
    unreadable: set[str] = set()
    for chunk in list_stated([*FINAL, COUNTED]):
        rows = _get_decisions(chunk)
        for stated in chunk:
            if stated.payload is None:
                unreadable.add(stated.subject_id)
                continue
            decision = _id_of(stated)
            stated_ids.add(decision)
            yield from _compare(stated, stated.payload, rows.get(decision))
    for decision, case in committed.items():
        if decision not in stated_ids and str(case) not in unreadable:
            yield unrecorded(f"No entry tells of decision {decision} of case {case}.")


def list_changes(decision: Decision) -> list[str]:
    """Return what is wrong with one committed decision, in sentences: one query."""
    entries = Entry.objects.filter(
        subject_kind="case", subject_id=str(decision.case_id), action__in=[*FINAL, COUNTED]
    ).values_list("pk", "action", "subject_id", "payload__body")
    stated = [Stated(pk, action, case, read_object(body)) for pk, action, case, body in entries]
    own = [each for each in stated if each.payload and _id_of(each) == decision.pk]
    return [fault.detail for each in own for fault in _compare(each, each.payload or {}, decision)]


def _id_of(stated: Stated) -> int:
    value = (stated.payload or {}).get("decision")
    return value if isinstance(value, int) else 0


def _get_decisions(chunk: Sequence[Stated]) -> dict[int, Decision]:
    wanted = {_id_of(stated) for stated in chunk}
    return Decision.objects.select_related("case", "decided_by").in_bulk(wanted)


def _compare(stated: Stated, payload: dict[str, Any], decision: Decision | None) -> Iterator[Fault]:
    if decision is None or decision.state != DecisionState.COMMITTED:
        yield missing(stated.entry, f"Its decision {payload.get('decision')} is gone.")
        return
    name = f"decision {decision.pk} of case {stated.subject_id}"
    if _digest(decision.receipt) != payload.get("digest") or decision.digest != payload["digest"]:
        yield changed(stated.entry, f"The receipt of {name} is not the one that was recorded.")
    elif differing := _list_differences(stated, payload, decision):
        listed = ", ".join(differing)
        yield changed(stated.entry, f"The row of {name} has another {listed} than was recorded.")


def _digest(receipt: Any) -> str:
    try:
        return compute_digest(receipt)
    except PayloadNotCanonical:
        return ""


def _list_differences(stated: Stated, payload: dict[str, Any], decision: Decision) -> list[str]:
    """Return what differs between the row and its entry or, of what is not there, its receipt."""
    told = decision.receipt["decision"]
    by = decision.decided_by.username if decision.decided_by else None
    same = {name: getattr(decision, name) == told[name] for name in REPEATED if name in told}
    same["person"] = by == told["by"]
    same["kind"] = decision.kind == told["kind"]
    same["time"] = decision.at.isoformat() == told["at"]
    same["case"] = decision.case_id == payload.get("case") == decision.receipt["case"]["id"]
    same["finality"] = decision.final == (stated.action != COUNTED)
    if stated.action in FINAL:
        same["outcome"] &= decision.outcome == payload.get("outcome") == _outcome(decision.case)
    return sorted(name for name, agrees in same.items() if not agrees)


def _outcome(case: Case) -> str:
    return case.outcome
