"""The figures of the quality page over HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from reviews.quality.figures import Compared, Figures, Filter, Row, Share, Version
from reviews.quality.selectors.challengers import compare_models
from reviews.quality.selectors.figures import get_figures
from reviews.quality.selectors.scope import facts_within
from reviews.quality.statistics import Agreement
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can

router = Router(tags=["quality"])


class FigureQuery(Schema):
    flow: str = Field("", max_length=80)
    queue: str = Field("", max_length=80)
    reviewer: str = Field("", max_length=150, description="Needs insights.people.")
    version: str = Field("", max_length=120, description="Of the model.")
    since: date | None = None
    until: date | None = None


class ShareOut(Schema):
    hits: int
    count: int
    rate: float | None
    low: float | None = Field(description="Wilson's 95 % interval.")
    high: float | None


class AgreementOut(Schema):
    subjects: int
    observed: float
    expected: float
    kappa: float | None = Field(description="Null where chance alone explains all.")


class CalibrationBandOut(Schema):
    low: float
    high: float
    count: int
    confidence: float
    hits: int


class ModelVersionOut(Schema):
    model: str
    version: str
    decisions: int
    overrides: ShareOut
    confidence: float
    psi: float | None
    ks: float | None
    p: float | None


class ComparedOut(Schema):
    model: str
    role: str = Field(description="used, or shadow.")
    agreed: ShareOut = Field(description="How often people decided as it suggested.")
    beside: ShareOut | None = Field(description="The model in use, on the cases of a shadow.")


class RowOut(Schema):
    key: str
    decisions: int
    overrides: ShareOut
    corrected: ShareOut
    active_seconds: float | None
    second: ShareOut
    known: ShareOut


class FiguresOut(Schema):
    decisions: int
    overrides: ShareOut
    corrected: ShareOut
    revised: ShareOut = Field(description="Of independent first choices.")
    median_seconds: float | None
    agreement: AgreementOut | None = Field(description="Cohen's kappa of model and person.")
    second_agreement: AgreementOut | None
    known_agreement: AgreementOut | None = Field(description="Fleiss' kappa.")
    sample: ShareOut
    second: ShareOut
    known: ShareOut
    calibration: list[CalibrationBandOut]
    calibration_error: float | None
    brier: float | None
    versions: list[ModelVersionOut]
    compared: list[ComparedOut] = Field(description="Models of routed steps, newest decisions.")
    weeks: list[RowOut]
    flows: list[RowOut]
    reviewers: list[RowOut] = Field(description="Empty without insights.people.")


@router.get("/quality/figures", response=FiguresOut, operation_id="get_quality_figures")
@requires("insights.view", scope="rows")
def figures(request: HttpRequest, wanted: Query[FigureQuery]) -> dict[str, Any]:
    """Return agreement, overrides, calibration and drift, by flow, week and reviewer."""
    principal = principal_of(request)
    people = can(principal, "insights.people")
    given: dict[str, Any] = wanted.dict()
    if not people:
        given["reviewer"] = ""
    narrowed = Filter(**given)
    found = get_figures(principal, narrowed, people=people)
    compared = compare_models(facts_within(principal, narrowed))
    return {**_figures_out(found), "compared": [_compared_out(each) for each in compared]}


def _figures_out(found: Figures) -> dict[str, Any]:
    checks, calibration = found.checks, found.calibration
    return {
        "decisions": found.decisions,
        "overrides": _share_out(found.overrides),
        "corrected": _share_out(found.corrected),
        "revised": _share_out(found.revised),
        "median_seconds": found.median_seconds,
        "agreement": _agreement_out(found.agreement),
        "second_agreement": _agreement_out(checks.second_agreement),
        "known_agreement": _agreement_out(checks.known_agreement),
        "sample": _share_out(checks.sample),
        "second": _share_out(checks.second),
        "known": _share_out(checks.known),
        "calibration": [asdict(band) for band in calibration.bands],
        "calibration_error": calibration.error,
        "brier": calibration.brier,
        "versions": [_version_out(each) for each in found.versions],
        "weeks": _rows_out(found.weeks),
        "flows": _rows_out(found.flows),
        "reviewers": _rows_out(found.reviewers),
    }


def _share_out(share: Share) -> dict[str, Any]:
    span = share.interval
    return {
        "hits": share.hits,
        "count": share.count,
        "rate": share.rate,
        "low": span.low if span else None,
        "high": span.high if span else None,
    }


def _agreement_out(found: Agreement | None) -> Mapping[str, Any] | None:
    return asdict(found) if found else None


def _version_out(each: Version) -> dict[str, Any]:
    return {
        "model": each.model,
        "version": each.version,
        "decisions": each.decisions,
        "overrides": _share_out(each.overrides),
        "confidence": each.confidence,
        "psi": each.shift.psi if each.shift else None,
        "ks": each.shift.ks if each.shift else None,
        "p": each.shift.p if each.shift else None,
    }


def _compared_out(each: Compared) -> dict[str, Any]:
    return {
        "model": each.model,
        "role": each.role,
        "agreed": _share_out(each.agreed),
        "beside": _share_out(each.beside) if each.beside else None,
    }


def _rows_out(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "key": str(row.key),
            "decisions": row.decisions,
            "overrides": _share_out(row.overrides),
            "corrected": _share_out(row.corrected),
            "active_seconds": row.active_seconds,
            "second": _share_out(row.second),
            "known": _share_out(row.known),
        }
        for row in rows
    ]
