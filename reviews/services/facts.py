"""The flat row that figures are counted from, made from a committed decision and its receipt."""

from collections.abc import Mapping
from typing import Any

from reviews.models import Case, Decision, DecisionKind
from reviews.models.quality import DecisionFact, FirstChoice, QualityCheck

Json = Any


def save_fact(case: Case, decision: Decision) -> None:
    """Save the fact of a person's decision, in its transaction: two queries, or three."""
    if decision.kind == DecisionKind.PERSON and decision.decided_by is not None:
        make_fact(
            case,
            decision,
            check_kind=find_check_kind(case),
            first_outcome=find_first_outcome(case, decision),
        ).save(force_insert=True)


def make_fact(
    case: Case, decision: Decision, *, check_kind: str = "", first_outcome: str = ""
) -> DecisionFact:
    """Return the fact, unsaved, from values that do not change after the decision."""
    assert decision.decided_by is not None
    suggestion = case.shown.get("suggestion") or ""
    evidence = decision.receipt.get("evidence") or {}
    model = _get_last_model(decision.receipt)
    return DecisionFact(
        decision=decision,
        case_id=case.pk,
        queue_id=case.queue_id,
        flow=case.flow,
        reviewer=decision.decided_by,
        at=decision.committed_at or decision.at,
        outcome=decision.outcome,
        suggestion=suggestion,
        agreed=decision.outcome == suggestion if suggestion else None,
        confidence=case.confidence,
        stated_confidence=_find_stated(model, case.confidence),
        corrected=len({each["field"] for each in (*decision.overrides, *decision.places)}),
        active_seconds=int(evidence.get("active_seconds") or 0),
        model=str(model.get("model", ""))[:120],
        model_version=str(model.get("version", ""))[:120],
        check_kind=check_kind,
        first_outcome=first_outcome,
    )


def _get_last_model(receipt: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the model that was asked last, whose answer the reviewer saw."""
    models: list[dict[str, Json]] = receipt.get("models") or [{}]
    return models[-1]


def _find_stated(model: Mapping[str, Json], confidence: float | None) -> float | None:
    """Return what the model stated, where the case shows its calibrated confidence, else None."""
    made: Mapping[str, Json] = model.get("calibration") or {}
    return made["stated"] if made and made["given"] == confidence else None


def find_check_kind(case: Case) -> str:
    """Return the kind of check that the case is, "" if a run waits for it."""
    if case.wait_id is not None:
        return ""
    found = QualityCheck.objects.filter(case=case).values_list("kind", flat=True).first()
    return found or ""


def find_first_outcome(case: Case, decision: Decision) -> str:
    """Return what the person chose before they saw the model's answer; "" if it was shown."""
    if not case.independent:
        return ""
    choices = FirstChoice.objects.filter(case=case, user=decision.decided_by_id)
    return choices.values_list("outcome", flat=True).first() or ""
