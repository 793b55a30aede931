"""Who acts on a case, and whether they may."""

from dataclasses import dataclass
from typing import Any

from reviews.errors import NotAuthorised
from reviews.models import Queue, Reviewer
from workbench.accounts.models import ApiToken, User
from workbench.accounts.permissions import can
from workbench.audit.actors import Actor, Channel


@dataclass(frozen=True, slots=True)
class Acting:
    """A person at work, by page or by a token that narrows what they may."""

    principal: User | ApiToken
    user: User
    actor: Actor
    on_behalf_of: Actor | None = None


def acting_as(principal: Any, channel: Channel = "page") -> Acting:
    if isinstance(principal, ApiToken):
        user = principal.user
        return Acting(principal, user, Actor.token(principal), Actor.user(user, "api"))
    return Acting(principal, principal, Actor.user(principal, channel))


def reviewer_of(user: User) -> Reviewer:
    """Return what the person may take on; who has no row has level 1 and no skills.

    One query for each user object.
    """
    kept: Reviewer | None = getattr(user, "_kept_reviewer", None)
    if kept is None:
        kept = Reviewer.objects.filter(user_id=user.pk).first() or Reviewer(user_id=user.pk)
        user._kept_reviewer = kept  # type: ignore[attr-defined]  # noqa: SLF001
    return kept


def may(acting: Acting, permission: str, *, queue: Queue, flow: str) -> bool:
    return can(acting.principal, permission, flow=flow, queue=queue.name)


def check_may(acting: Acting, permission: str, *, queue: Queue, flow: str) -> None:
    """Raises: NotAuthorised."""
    if not may(acting, permission, queue=queue, flow=flow):
        raise NotAuthorised(
            f"This needs the permission {permission} on the queue {queue.title}: "
            "ask an admin for the role."
        )


def missing_skills(user: User, queue: Queue) -> list[str]:
    return sorted(set(queue.skills) - set(reviewer_of(user).skills)) if queue.skills else []
