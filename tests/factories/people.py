"""People with roles, and clients that are signed in as them."""

from itertools import count
from typing import Any

from django.test import Client
from django.utils import timezone

from reviews.models import Reviewer
from reviews.selectors.acting import Acting, make_acting
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, RoleGrant, User

ACTOR = Actor.system("test")
_numbers = count(1)


def make_person(
    username: str = "", *roles: Role, flow: str = "", queue: str = "", level: int = 1, **more: Any
) -> User:
    """Make a person with the roles, for one flow or queue if one is named.

    Without a user name the person gets one of their own.
    """
    username = username or f"person{next(_numbers)}"
    user = User.objects.create_user(username, f"{username}@example.org", "open sesame", **more)
    for role in roles:
        RoleGrant.objects.create(
            user=user, role=role, flow_name=flow, queue_name=queue, granted_at=timezone.now()
        )
    if level > 1:
        Reviewer.objects.create(user=user, level=level)
    return user


def person(username: str) -> Acting:
    """Return the person as they act on a page, with nothing kept from before."""
    return make_acting(User.objects.get(username=username))


def signed_in(who: User | str, **options: Any) -> Client:
    """Return a client that is signed in as the person, who may be given by user name."""
    user = User.objects.get(username=who) if isinstance(who, str) else who
    client = Client(**options)
    client.force_login(user)
    return client
