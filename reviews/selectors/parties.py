"""Who has a part in a case."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, Value
from django.db.models.functions import Concat

from reviews.models import Case, CaseParty
from workbench.accounts.models import User
from workbench.search.matching import being


def list_parties(case: Case) -> list[CaseParty]:
    """Return the people with a part in the case: one query for each case object.

    A case that is not saved has none.
    """
    kept: list[CaseParty] | None = getattr(case, "_kept_parties", None)
    if kept is None:
        found = CaseParty.objects.filter(case_id=case.pk).select_related("user").order_by("pk")
        kept = list(found) if case.pk else []
        case._kept_parties = kept  # type: ignore[attr-defined]  # noqa: SLF001
    return kept


def keep_parties(cases: Sequence[Case]) -> None:
    """Read the parties of many cases by one query, for ``list_parties`` to return."""
    parties: dict[int, list[CaseParty]] = {case.pk: [] for case in cases}
    for party in CaseParty.objects.filter(case__in=cases).select_related("user").order_by("pk"):
        parties[party.case_id].append(party)
    for case in cases:
        case._kept_parties = parties[case.pk]  # type: ignore[attr-defined]  # noqa: SLF001


def describe_parties(case: Case) -> list[dict[str, Any]]:
    """Return the parties for a receipt and the API: ``[{user, part, proved, how}]``."""
    return [
        {"user": each.user.username, "part": each.part, "proved": each.proved, "how": each.how}
        for each in list_parties(case)
    ]


def find_people_named(*names: str) -> list[User]:
    """Return everyone whom one of the names, or mail addresses, may mean: one query at most."""
    wanted = [name.strip() for name in names if name.strip()]
    if not wanted:
        return []
    condition = Q()
    for name in wanted:
        condition |= being(name, "username", "email", "display_name", "full_name")
    people = User.objects.annotate(full_name=Concat("first_name", Value(" "), "last_name"))
    return list(people.filter(condition))
