"""Calibrations over HTTP: what confidence is worth before and after, and fitting one."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema, Status
from pydantic import Field

from flows.calibration.models import Calibration as Kept
from reviews.api.finding import get_acting
from reviews.api.problems import map_errors
from reviews.quality.api.figures import CalibrationBandOut
from reviews.quality.api.finding import check_leads
from reviews.quality.errors import CalibrationTooFew
from reviews.quality.figures import Calibration, Filter
from reviews.quality.selectors.calibration import (
    compare_calibration,
    list_calibrated,
    list_decided,
)
from reviews.quality.selectors.scope import facts_within
from reviews.quality.services.calibration import fit_calibration
from workbench.accounts.gate import principal_of, requires
from workbench.http.schemas import Page, Strict

router = Router(tags=["quality"])

map_errors({CalibrationTooFew: "Fit it when people have decided more cases."})


class ModelIn(Strict):
    flow: str = Field(min_length=1, max_length=80)
    model: str = Field(min_length=1, max_length=120)


class ModelQuery(Schema):
    flow: str = Field(max_length=80)
    model: str = Field(max_length=120)


class CalibrationOut(Schema):
    flow: str
    model: str
    number: int = Field(description="What a step names under `confidence.calibrated`.")
    method: str = Field(description="isotonic, or platt.")
    decisions: int
    error_before: float = Field(description="Expected calibration error.")
    error_after: float = Field(description="The same, on decisions that were not fitted to.")
    fitted_at: datetime
    fitted_by: str


class CalibratedModelOut(Schema):
    flow: str
    model: str
    decisions: int
    newest: CalibrationOut | None


class ReliabilityOut(Schema):
    bands: list[CalibrationBandOut]
    error: float | None = Field(description="Expected calibration error.")
    brier: float | None


class ComparisonOut(Schema):
    before: ReliabilityOut
    after: ReliabilityOut | None = Field(description="On decisions that were not fitted to.")
    too_few: str = Field(description="Why there is no `after`.")
    is_cut: bool = Field(description="Whether only the newest decisions were looked at.")


@router.get(
    "/quality/calibrations",
    response=Page[CalibratedModelOut],
    operation_id="list_calibrated_models",
)
@requires("insights.view", scope="rows")
def calibrations(request: HttpRequest) -> dict[str, Any]:
    """List the models whose confidence people's decisions tell of, and their calibrations."""
    found = list_calibrated(principal_of(request))
    items = [
        {
            "flow": each.flow,
            "model": each.model,
            "decisions": each.decisions,
            "newest": _kept_out(each.newest) if each.newest else None,
        }
        for each in found
    ]
    return {"items": items, "next": None}


@router.get(
    "/quality/calibrations/figures",
    response=ComparisonOut,
    operation_id="get_calibration_figures",
)
@requires("insights.view", scope="rows")
def calibration_figures(request: HttpRequest, wanted: Query[ModelQuery]) -> dict[str, Any]:
    """Return the reliability of a model's confidence in a flow, as stated and as calibrated."""
    facts = facts_within(principal_of(request), Filter(flow=wanted.flow))
    compared = compare_calibration(list_decided(facts, wanted.model))
    return {
        "before": _reliability_out(compared.before),
        "after": _reliability_out(compared.after) if compared.after else None,
        "too_few": compared.too_few,
        "is_cut": compared.is_cut,
    }


@router.post(
    "/quality/calibrations", response={201: CalibrationOut}, operation_id="fit_calibration"
)
@requires("quality.manage", scope="rows")
def fit(request: HttpRequest, body: ModelIn) -> Status[Any]:
    """Fit a calibration to what people decided. Steps use it once they name its number."""
    check_leads(request, flow=body.flow)
    kept = fit_calibration(
        flow=body.flow, model=body.model, acting=get_acting(request), now=timezone.now()
    )
    return Status(201, _kept_out(kept))


def _reliability_out(found: Calibration) -> Mapping[str, Any]:
    bands = [asdict(band) for band in found.bands]
    return {"bands": bands, "error": found.error, "brier": found.brier}


def _kept_out(kept: Kept) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in CalibrationOut.model_fields}
