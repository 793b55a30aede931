"""What a checkpoint will show and ask, for the designer; and how long its cases took."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from pydantic import ValidationError

from flows.steps.base import Preview, PreviewUnfit
from reviews.models import Case, Decision, Queue, SlaPolicy
from reviews.panes import preview_context
from reviews.rules.checkpoint_config import CheckpointConfig
from reviews.services.opening import unsaved_case

Json = Any
# The newest decisions say how long a case takes now.
RECENT = 500


def preview_case(config: Mapping[str, Json]) -> Preview:
    """Return the case that this config would open, which nobody keeps. Two queries.

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
    case: Case = unsaved_case(checked, queue or Queue(name=checked.queue, title=checked.queue))
    missing = [
        words
        for words, found in (
            (f"There is no queue {checked.queue!r}.", queue),
            (f"There is no SLA policy {checked.sla!r}.", policy),
        )
        if found is None
    ]
    context = {**preview_context(case), "missing": missing, "policy": policy}
    return Preview("reviews/_case_preview.html", context, ("reviews/review.css",))


def minutes_of_cases(flow: str, step: str) -> float | None:
    """Return the median minutes that people had a case of this checkpoint before them: one query.

    Counted is the time with the page in front, of decisions of the last so many cases.
    """
    receipts = (
        Decision.objects.filter(case__flow=flow, case__step=step, kind="person")
        .order_by("-pk")
        .values_list("receipt__evidence__active_seconds", flat=True)[:RECENT]
    )
    found = [seconds for seconds in receipts if isinstance(seconds, int) and seconds > 0]
    return median(found) / 60 if found else None
