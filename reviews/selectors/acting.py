"""Who acts on a case, and whether they may."""

from dataclasses import dataclass
from typing import Any

from reviews.errors import NotAuthorised
from reviews.models import Queue, Reviewer
from reviews.rules.access import SEE, WATCHING_ROLES, get_rule
from workbench.accounts.actors import Actor, Channel
from workbench.accounts.models import ApiToken, User
from workbench.accounts.permissions import can, list_grants


@dataclass(frozen=True, slots=True)
class Acting:
    """A person who acts, by page or by a token that may have fewer permissions than they."""

    principal: User | ApiToken
    user: User
    actor: Actor
    on_behalf_of: Actor | None = None


def make_acting(principal: Any, channel: Channel = "page") -> Acting:
    if isinstance(principal, ApiToken):
        user = principal.user
        return Acting(principal, user, Actor.token(principal), Actor.user(user, "api"))
    return Acting(principal, principal, Actor.user(principal, channel))


def get_reviewer(user: User) -> Reviewer:
    """Return the person's level and skills; without a row, level 1 and no skills.

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
        raise NotAuthorised(describe_missing_permission(permission, queue))


def describe_missing_permission(permission: str, queue: Queue) -> str:
    return (
        f"This needs the permission {permission} on the queue {queue.title}: "
        "ask an admin for the role."
    )


def find_queue_refusal(act: str, user: User, queue: Queue) -> str:
    """Return why the queue's own rules refuse the act to the person, "" if they do not.

    See reviews.rules.access for the acts. Two queries at most for each user object.
    """
    rule = get_rule(act, queue.access, queue.skills)
    if not rule.roles and not rule.skills:
        return ""
    roles = list_roles(user, queue)
    if act == SEE and (user.is_superuser or roles & WATCHING_ROLES):
        return ""
    return rule.find_refusal(roles, get_reviewer(user).skills if rule.skills else ())


def list_roles(user: User, queue: Queue) -> frozenset[str]:
    """Return the roles that the person holds on the queue, whatever the flow."""
    return frozenset(
        grant.role for grant in list_grants(user) if grant.queue_name in {"", queue.name}
    )


def may_see(principal: Any, queue: Queue) -> bool:
    """Return whether the queue's own rules let the principal see it."""
    user = principal.user if isinstance(principal, ApiToken) else principal
    return not find_queue_refusal(SEE, user, queue)
