"""Keep calibrations, and find the points of one for a step."""

from collections.abc import Sequence

from django.db import transaction

from flows.calibration.models import Calibration
from flows.models import Flow

Points = Sequence[Sequence[float]]


def keep_calibration(calibration: Calibration) -> Calibration:
    """Save it under the next number of its flow and model. Locks the flow.

    Raises: Flow.DoesNotExist.
    """
    with transaction.atomic():
        Flow.objects.select_for_update().get(name=calibration.flow)
        same = Calibration.objects.filter(flow=calibration.flow, model=calibration.model)
        newest = same.order_by("-number").values_list("number", flat=True).first()
        calibration.number = (newest or 0) + 1
        calibration.save(force_insert=True)
    return calibration


def find_points(flow: str, model: str, number: int) -> Points | None:
    """Return the points of a calibration, None where there is none. One query."""
    found = Calibration.objects.filter(flow=flow, model=model, number=number)
    return found.values_list("points", flat=True).first()
