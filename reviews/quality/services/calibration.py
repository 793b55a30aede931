"""Fit a calibration to what people decided, for steps to choose."""

from datetime import datetime

from django.db import transaction

from flows.calibration.keeping import keep_calibration
from flows.calibration.models import Calibration
from flows.models import Flow
from reviews.models.quality import DecisionFact
from reviews.quality.calibrating import fit
from reviews.quality.errors import CalibrationTooFew
from reviews.quality.selectors.calibration import (
    MOST_DECISIONS,
    compare_calibration,
    list_decided,
)
from reviews.selectors.acting import Acting
from workbench.audit.services import record


def fit_calibration(*, flow: str, model: str, acting: Acting, now: datetime) -> Calibration:
    """Fit a calibration of the model's confidence in the flow, and keep it under a new number.

    No step uses it before a version of the flow names that number. Raises: CalibrationTooFew.
    """
    with transaction.atomic():
        if not Flow.objects.filter(name=flow).exists():
            raise CalibrationTooFew(f"There is no flow {flow}.")
        facts = DecisionFact.objects.filter(flow=flow)
        decided = list_decided(facts, model)[:MOST_DECISIONS]
        compared = compare_calibration(decided)
        if compared.after is None or compared.before.error is None:
            raise CalibrationTooFew(f"Nothing can be fitted for {model} yet. {compared.too_few}")
        fitted = fit(decided)
        kept = keep_calibration(
            Calibration(
                flow=flow,
                model=model,
                method=fitted.method,
                points=[list(point) for point in fitted.points],
                decisions=len(decided),
                up_to=max(each.number for each in decided),
                error_before=compared.before.error,
                error_after=compared.after.error or 0.0,
                fitted_at=now,
                fitted_by=acting.user.label,
            )
        )
        record(
            action="quality.calibration_fitted",
            subject=("flow", flow),
            actor=acting.actor,
            payload={
                "flow": flow,
                "model": model,
                "number": kept.number,
                "method": kept.method,
                "decisions": kept.decisions,
            },
            now=now,
        )
    return kept
