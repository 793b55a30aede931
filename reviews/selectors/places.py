"""Where the rows can be seen that sweeps set aside: what they are called, and the page."""

from collections.abc import Sequence

from django.urls import reverse

from reviews.models import Decision
from workbench.dispatch.clock import Place


def find_cases(keys: Sequence[str]) -> dict[str, Place]:
    """Return the case that each key ends with: ``17``, ``case:17`` or ``policy:3:case:17``."""
    return {
        key: _place_of_case(key.rpartition(":")[2])
        for key in keys
        if ":" not in key or key.rpartition(":")[0].endswith("case")
    }


def find_cases_of_decisions(keys: Sequence[str]) -> dict[str, Place]:
    decisions = Decision.objects.filter(pk__in=keys).values_list("pk", "case_id")
    return {str(decision): _place_of_case(case) for decision, case in decisions}


def find_sampled_runs(keys: Sequence[str]) -> dict[str, Place]:
    """Return the run that each key ends with, as in ``policy:3:run:17``."""
    found = {key: key.rpartition(":run:")[2] for key in keys if ":run:" in key}
    return {
        key: Place(f"Run {run}", reverse("flows:run-detail", args=[run]))
        for key, run in found.items()
    }


def _place_of_case(case: int | str) -> Place:
    return Place(f"Case {case}", reverse("reviews:case", args=[case]))
