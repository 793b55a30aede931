"""What teams do by the clock."""

from collections.abc import Sequence
from datetime import datetime

from reviews.models.team import Absence
from reviews.selectors.places import find_cases
from reviews.team.services.absences import ABSENCE, CASE, start_due_absences
from workbench.dispatch.clock import Place, clock_task
from workbench.dispatch.sweeps import ids_in


def find_places(keys: Sequence[str]) -> dict[str, Place]:
    """Return the absences, and the cases that could not be passed on."""
    absences = Absence.objects.filter(pk__in=ids_in(keys, ABSENCE)).select_related("person")
    return {
        **{f"{ABSENCE}{each.pk}": Place(f"Absence of {each.person.label}") for each in absences},
        **find_cases([key for key in keys if key.startswith(CASE)]),
    }


@clock_task("reviews.absences", 5, "Pass on the cases of who is away", find_places)
def absences(now: datetime) -> bool:
    return start_due_absences(now)
