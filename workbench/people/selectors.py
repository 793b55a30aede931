"""Read people, roles and tokens."""

from django.db.models import Prefetch, QuerySet

from workbench.accounts.models import ApiToken, RoleGrant, User
from workbench.search.matching import having


def list_people(text: str = "") -> QuerySet[User]:
    """Return people by user name, with their grants: two queries. ``text`` is part of a name."""
    grants = RoleGrant.objects.order_by("role", "flow_name", "queue_name")
    people = User.objects.prefetch_related(Prefetch("grants", queryset=grants))
    if text:
        people = people.filter(having(text, "username", "display_name", "email"))
    return people.order_by("username")


def list_tokens(user: User) -> QuerySet[ApiToken]:
    """Return the person's tokens, newest first: one query."""
    return ApiToken.objects.filter(user=user).order_by("-id")
