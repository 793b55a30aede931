"""Compare what a case showed when it was decided with what it had when it opened.

The entry of its opening has the digest of all that it shows, and the seals of the outputs that it
was made from. What people changed since has entries of its own; any other difference was made in
the database.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.runtime.sealing import Seal, seal_bindings
from flows.services.sealed_check import compare_openings
from reviews.models import Case, Decision, DecisionState
from reviews.rules.answers import list_shown_fields
from reviews.services.receipts import compute_digest
from workbench.audit.canonical import PayloadNotCanonical
from workbench.audit.models import Entry
from workbench.audit.records import Fault, Stated, changed, list_stated, read_object

Json = Any
OPENED = "case.opened"
RUNS_AT_ONCE = 50  # whose outputs are in memory together
CHANGES = ("case.field_overridden", "case.information_received")


def describe_opening(case: Case, steps: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """Return what the ledger says of a case that opens.

    ``steps`` are the outputs that it was made from, as expressions see them.
    """
    made_from = {"made_from": seal_bindings(steps)} if steps else {}
    return {
        **made_from,
        "title": case.title,
        "flow": case.flow,
        "version": case.flow_version,
        "step": case.step,
        "due_at": case.due_at.isoformat() if case.due_at else None,
        "shown_sha256": _digest(case.shown),
    }


def find_differences(case: Case, receipt: Mapping[str, Json] | None) -> list[str]:
    """Return what is not as it was when the case opened, other than by people: three queries.

    ``receipt`` is that of a decision; without one, the case as it stands now is compared.
    """
    entries = _list_entries([str(case.pk)])
    return _compare(
        case, receipt, _get_opening(entries), _list_changes(entries).get(str(case.pk), {})
    )


def get_made_from(case: Case) -> dict[str, Seal]:
    """Return by step the seals of the outputs that a case was made from: one query."""
    return _read_made_from(_get_opening(_list_entries([str(case.pk)], [OPENED])))


def check_shown() -> Iterator[Fault]:
    """Yield each case that shows or showed something else than when it opened."""
    for chunk in list_stated([OPENED]):
        known = [each for each in chunk if (each.payload or {}).get("shown_sha256")]
        yield from _check(known)
        for start in range(0, len(known), RUNS_AT_ONCE):
            yield from _check_made_from(known[start : start + RUNS_AT_ONCE])


def _check_made_from(chunk: Sequence[Stated]) -> Iterator[Fault]:
    """Yield each case that was made from another output than its run's steps wrote."""
    cases = Case.objects.filter(pk__in=[each.subject_id for each in chunk])
    runs = {str(pk): run for pk, run in cases.values_list("pk", "run_id")}
    stated = [each for each in chunk if each.subject_id in runs]
    openings = [(runs[each.subject_id], _read_made_from(each.payload)) for each in stated]
    for each, changes in zip(stated, compare_openings(openings), strict=True):
        for step, parts in changes.items():
            name = f"output of step {step} of run {runs[each.subject_id]}"
            yield changed(
                each.entry,
                f"The {name} has another {', '.join(parts)} than case {each.subject_id} was made"
                " from.",
            )


def _read_made_from(payload: Mapping[str, Json] | None) -> dict[str, Seal]:
    found = (payload or {}).get("made_from")
    return found if isinstance(found, dict) else {}


def _check(chunk: Sequence[Stated]) -> Iterator[Fault]:
    ids = [each.subject_id for each in chunk]
    changes = _list_changes(_list_entries(ids, CHANGES))
    cases = {
        str(pk): case for pk, case in Case.objects.in_bulk([int(each) for each in ids]).items()
    }
    decided = Decision.objects.filter(case_id__in=cases, state=DecisionState.COMMITTED)
    receipts: dict[str, list[Mapping[str, Json]]] = {}
    for decision in decided.only("case_id", "receipt"):
        # What is no receipt any more is found where receipts are verified.
        if isinstance(decision.receipt, Mapping):
            receipts.setdefault(str(decision.case_id), []).append(decision.receipt)
    for stated in chunk:
        case = cases.get(stated.subject_id)
        if case is None:
            continue
        for receipt in [None, *receipts.get(stated.subject_id, ())]:
            different = _compare(
                case, receipt, stated.payload or {}, changes.get(stated.subject_id, {})
            )
            if different:
                when = "was decided on" if receipt else "shows"
                listed = ", ".join(different)
                yield changed(stated.entry, f"Case {case.pk} {when} another {listed} than it had.")
                break


def _compare(
    case: Case,
    receipt: Mapping[str, Json] | None,
    opened: Mapping[str, Json],
    explained: Mapping[str, Sequence[Json]],
) -> list[str]:
    wanted = opened.get("shown_sha256")
    if not wanted:
        return []  # It was opened before digests were kept.
    evidence = (receipt or {}).get("evidence") or {}
    shown = evidence.get("shown", case.shown) if receipt else case.shown
    fields = (receipt or {}).get("fields") if receipt else case.fields
    if _digest(shown) != wanted:
        return ["content"]
    had = {each["key"]: each.get("value") for each in list_shown_fields(shown) if each.get("key")}
    return sorted(
        key
        for key, value in (fields or {}).items()
        if value != had.get(key) and value not in explained.get(key, ())
    )


def _digest(shown: Json) -> str:
    try:
        return compute_digest(shown)
    except PayloadNotCanonical:
        return ""


Told = tuple[str, str, dict[str, Json]]


def _get_opening(entries: Sequence[Told]) -> dict[str, Json]:
    return next((payload for action, _, payload in entries if action == OPENED), {})


def _list_entries(cases: Sequence[str], actions: Sequence[str] = (OPENED, *CHANGES)) -> list[Told]:
    rows = Entry.objects.filter(subject_kind="case", subject_id__in=cases, action__in=actions)
    found = rows.order_by("pk").values_list("action", "subject_id", "payload__body")
    return [(action, subject, read_object(body) or {}) for action, subject, body in found]


def _list_changes(entries: Sequence[Told]) -> dict[str, dict[str, list[Json]]]:
    """Return by case and field the values that people set."""
    found: dict[str, dict[str, list[Json]]] = {}
    for action, case, payload in entries:
        if action == "case.field_overridden":
            given = {payload.get("field", ""): payload.get("new")}
        else:
            given = payload.get("changes") or {}
        for key, value in given.items():
            found.setdefault(case, {}).setdefault(key, []).append(value)
    return found
