"""Find whose permissions an actor has."""

from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, User


def find_principal(actor: Actor) -> User | ApiToken | None:
    """Return the person or token that acted; None for the system, and for one that is gone.

    One query.
    """
    if actor.kind == "token":
        return ApiToken.objects.select_related("user").filter(pk=actor.id).first()
    if actor.kind in {"user", "link"}:
        return User.objects.filter(pk=actor.id).first()
    return None
