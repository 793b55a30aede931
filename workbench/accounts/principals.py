"""Find whose permissions an actor has."""

from collections.abc import Collection

from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, User

PERSONAL = frozenset({"user", "link"})


def find_principal(actor: Actor) -> User | ApiToken | None:
    """Return the person or token that acted; None for the system, and for one that is gone.

    One query.
    """
    if actor.kind == "token":
        return ApiToken.objects.select_related("user").filter(pk=actor.id).first()
    if actor.kind in PERSONAL:
        return User.objects.filter(pk=actor.id).first()
    return None


def find_person(actor: Actor) -> User | None:
    """Return the person who acted, or for whom a token did; None as above. One query."""
    principal = find_principal(actor)
    return principal.user if isinstance(principal, ApiToken) else principal


def find_people(actors: Collection[Actor]) -> dict[Actor, User]:
    """Return the person of each that has one, with their grants. Three queries at most."""
    tokens = {actor.id for actor in actors if actor.kind == "token"}
    owners = dict(ApiToken.objects.filter(pk__in=tokens).values_list("pk", "user_id"))
    keys = {actor: int(actor.id) for actor in actors if actor.kind in PERSONAL}
    keys |= {
        actor: owners[int(actor.id)]
        for actor in actors
        if actor.kind == "token" and int(actor.id) in owners
    }
    people = User.objects.prefetch_related("grants").in_bulk(set(keys.values()))
    return {actor: people[key] for actor, key in keys.items() if key in people}
