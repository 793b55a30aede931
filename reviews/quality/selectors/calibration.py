"""The confidence of a model in a flow before and after it is calibrated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import Coalesce

from flows.calibration.models import Calibration as Kept
from flows.steps.calibrated import calibrate as look_up
from reviews.models.quality import DecisionFact
from reviews.quality.calibrating import Decided, explain_too_few, fit, split
from reviews.quality.figures import Calibration, Filter
from reviews.quality.selectors.confidence import BUCKETS, calibrate
from reviews.quality.selectors.scope import ABOUT_THE_MODEL, facts_within

# The newest decisions are fitted to: older ones tell of another model.
MOST_DECISIONS = 20_000
MOST_MODELS = 200


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A model in a flow, how many decisions tell of its confidence, and its newest calibration."""

    flow: str
    model: str
    decisions: int
    newest: Kept | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """``after`` is measured on decisions that were not fitted to; None where ``too_few`` says why.

    ``is_cut`` says that there are more decisions than the newest, which were looked at.
    """

    before: Calibration
    after: Calibration | None
    too_few: str
    is_cut: bool


def list_calibrated(principal: Any) -> list[Calibrated]:
    """Return each model in each flow whose confidences people's decisions tell of: two queries."""
    facts = _with_confidence(facts_within(principal, Filter()))
    groups = facts.exclude(model="").values("flow", "model").annotate(n=Count("pk"))
    rows = list(groups.order_by("-n", "flow", "model")[:MOST_MODELS])
    kept = Kept.objects.filter(flow__in={row["flow"] for row in rows}).order_by("number")
    newest = {(each.flow, each.model): each for each in kept.defer("points")}
    return [
        Calibrated(row["flow"], row["model"], row["n"], newest.get((row["flow"], row["model"])))
        for row in rows
    ]


def _with_confidence(facts: QuerySet[DecisionFact]) -> QuerySet[DecisionFact]:
    return facts.filter(
        check_kind__in=ABOUT_THE_MODEL, agreed__isnull=False, confidence__isnull=False
    )


def list_decided(facts: QuerySet[DecisionFact], model: str) -> list[Decided]:
    """Return the newest decisions on what a model suggested, with the confidence that it stated.

    One more than MOST_DECISIONS where there are more. One query.
    """
    rows = (
        _with_confidence(facts)
        .filter(model=model)
        .order_by("-at", "-pk")
        .values_list("pk", Coalesce("stated_confidence", "confidence"), "agreed")
    )
    return [Decided(*row) for row in rows[: MOST_DECISIONS + 1]]


def compare_calibration(decided: Sequence[Decided]) -> Comparison:
    """Return the reliability of stated confidences, and of calibrated ones on held-out parts."""
    newest = decided[:MOST_DECISIONS]
    too_few = explain_too_few(newest)
    return Comparison(
        measure((each.confidence, each.agreed) for each in newest),
        None if too_few else measure(_calibrate_held_out(newest)),
        too_few,
        len(decided) > MOST_DECISIONS,
    )


def _calibrate_held_out(decided: Sequence[Decided]) -> Iterable[tuple[float, bool]]:
    for others, held_out in split(decided):
        points = fit(others).points
        for each in held_out:
            yield look_up(points, each.confidence), each.agreed


def measure(decided: Iterable[tuple[float, bool]]) -> Calibration:
    """Return the calibration of confidences, each with whether the person agreed."""
    return calibrate(
        [
            {
                "bucket": min(int(confidence * BUCKETS), BUCKETS - 1),
                "agreed": agreed,
                "n": 1,
                "c": confidence,
                "cc": confidence * confidence,
            }
            for confidence, agreed in decided
        ]
    )
