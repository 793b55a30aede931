"""What a designer sees of a checkpoint: the case that it would open, and how long cases took."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from pydantic import ValidationError

from flows.steps.base import Preview, PreviewUnfit
from reviews.models import Case, Decision, Queue, SlaPolicy
from reviews.panes import preview_context
from reviews.rules.checkpoint_config import CheckpointConfig
from reviews.services.opening import build_case

Json = Any
# Only the newest decisions count: how long a case takes changes.
RECENT = 500


def preview_case(config: Mapping[str, Json]) -> Preview:
    """Return the page of the case that this config would open; nothing is saved. Two queries.

    Raises: PreviewUnfit.
    """
    try:
        checked = CheckpointConfig.model_validate(dict(config))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PreviewUnfit(f"{where or 'The checkpoint'}: {first['msg']}.") from error
    queue = Queue.objects.filter(name=checked.queue).first()
    policy = SlaPolicy.objects.filter(name=checked.sla).first()
    case: Case = build_case(checked, queue or Queue(name=checked.queue, title=checked.queue))
    missing = [
        sentence
        for sentence, found in (
            (f"There is no queue {checked.queue!r}.", queue),
            (f"There is no SLA policy {checked.sla!r}.", policy),
        )
        if found is None
    ]
    context = {**preview_context(case), "missing": missing, "policy": policy}
    return Preview("reviews/_case_preview.html", context, ("reviews/review.css",))


def minutes_of_cases(flow: str, step: str) -> float | None:
    """Return the median minutes that people spent on a case of this checkpoint: one query.

    Only time with the page in front counts, of the newest RECENT decisions.
    """
    receipts = (
        Decision.objects.filter(case__flow=flow, case__step=step, kind="person")
        .order_by("-pk")
        .values_list("receipt__evidence__active_seconds", flat=True)[:RECENT]
    )
    found = [seconds for seconds in receipts if isinstance(seconds, int) and seconds > 0]
    return median(found) / 60 if found else None
