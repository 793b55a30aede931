"""Who may do what: one table of permissions by role, and where each person has them."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser

from workbench.accounts.models import ApiToken, Role, RoleGrant, User

Principal = User | ApiToken | AnonymousUser

EVERY_ROLE = frozenset(Role)
# What everybody who is signed in may do, with or without a role: their own account, the home page.
SIGNED_IN = "signed_in"

D, R, L, A, O, X = (  # noqa: E741 - the columns of the table below
    Role.DESIGNER, Role.REVIEWER, Role.LEAD, Role.AUDITOR, Role.OPERATOR, Role.ADMIN,
)  # fmt: skip
PERMISSIONS: dict[str, frozenset[Role]] = {
    SIGNED_IN: EVERY_ROLE,
    "flows.view": frozenset({D, L, A, O, X}),
    "flows.edit": frozenset({D}),
    "flows.publish": frozenset({D}),
    "prompts.view": frozenset({D, R, L, A, O, X}),
    "prompts.edit": frozenset({D}),
    "tables.view": frozenset({D, R, L, A, O, X}),
    "tables.edit": frozenset({D}),
    "lists.view": frozenset({D, R, L, A, O, X}),
    "lists.edit": frozenset({D}),
    "contracts.view": frozenset({D, R, L, A, O, X}),
    "contracts.edit": frozenset({D}),
    "policies.view": frozenset({D, R, L, A, O, X}),
    "policies.edit": frozenset({D}),
    "runs.view": frozenset({D, L, A, O, X}),
    "runs.start": frozenset({D, O}),
    "runs.operate": frozenset({O}),
    "health.view": frozenset({D, L, O, X}),
    "queues.view": frozenset({R, L, A, X}),
    "queues.manage": frozenset({L, X}),
    "cases.view": frozenset({R, L, A, X}),
    "cases.decide": frozenset({R, L}),
    "cases.open": frozenset({D, O}),
    "cases.assign": frozenset({L}),
    "values.unmask": frozenset({L, A}),
    "insights.view": frozenset({D, L, A, O, X}),
    "insights.people": frozenset({L, A, X}),
    "quality.manage": frozenset({L, X}),
    "datasets.export": frozenset({L, A, X}),
    "events.send": frozenset({D, O}),
    "secrets.manage": frozenset({X}),
    "connections.view": frozenset({D, L, A, O, X}),
    "connections.manage": frozenset({X}),
    "audit.view": frozenset({A, X}),
    "audit.export": frozenset({A}),
    "people.view": frozenset({A, X}),
    "people.manage": frozenset({X}),
}
# To what a grant of each permission can be narrowed. A permission that is missing here applies to
# the whole installation, so that a narrowed grant does not confer it: an admin of one flow cannot
# make admins.
SCOPED_BY: dict[str, frozenset[str]] = {
    **{
        name: frozenset({"flow"}) for name in PERMISSIONS if name.split(".")[0] in {"flows", "runs"}
    },
    **{
        name: frozenset({"flow", "queue"})
        for name in PERMISSIONS
        if name.split(".")[0] in {"cases", "queues", "insights", "quality", "values"}
    },
    # Assets belong to no flow: whoever works with one of them may read them all.
    "prompts.view": frozenset({"flow", "queue"}),
    "tables.view": frozenset({"flow", "queue"}),
    "lists.view": frozenset({"flow", "queue"}),
    "contracts.view": frozenset({"flow", "queue"}),
    "policies.view": frozenset({"flow", "queue"}),
}


class UnknownPermission(LookupError):
    """The permission is not in workbench.accounts.permissions.PERMISSIONS."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a principal has a permission. Each scope is (flow or "", queue or "")."""

    everywhere: bool
    scopes: frozenset[tuple[str, str]]

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.scopes)

    def covers(self, flow: str | None, queue: str | None) -> bool:
        """Return whether the reach includes an object of that flow and queue.

        A scope that names a flow or a queue does not include an object that has none.
        """
        return self.everywhere or any(
            (not a_flow or a_flow == flow) and (not a_queue or a_queue == queue)
            for a_flow, a_queue in self.scopes
        )

    def touches(self, queue: str | None) -> bool:
        """Return whether the reach may include a case of the queue, of whatever flow."""
        return self.everywhere or any(a_queue in {"", queue} for _, a_queue in self.scopes)


EVERYWHERE = Reach(everywhere=True, scopes=frozenset())
NOWHERE = Reach(everywhere=False, scopes=frozenset())


def ensure_known(permission: str) -> None:
    """Raises: UnknownPermission."""
    if permission not in PERMISSIONS:
        raise UnknownPermission(f"Unknown permission {permission!r}. Add it to PERMISSIONS.")


def can(
    principal: Any, permission: str, *, flow: str | None = None, queue: str | None = None
) -> bool:
    """Return whether the principal has the permission on the given flow and queue.

    With neither given, it is enough to have it anywhere. That opens a list, whose rows must then be
    narrowed by ``reach``. For an object with a flow and a queue, give both. Makes one query for
    each principal object, which keeps the answer.

    Raises: UnknownPermission.
    """
    found = reach(principal, permission)
    if flow is None and queue is None:
        return bool(found)
    return found.covers(flow, queue)


def reach(principal: Any, permission: str) -> Reach:
    """Return where the principal has the permission, to narrow a list by.

    Raises: UnknownPermission.
    """
    ensure_known(permission)
    user = _user_of(principal, permission)
    if user is None:
        return NOWHERE
    if user.is_superuser or permission == SIGNED_IN:
        return EVERYWHERE
    roles = PERMISSIONS[permission]
    held = [grant for grant in list_grants(user) if grant.role in roles]
    if any(not grant.flow_name and not grant.queue_name for grant in held):
        return EVERYWHERE
    narrowed_by = SCOPED_BY.get(permission, frozenset())
    return Reach(
        everywhere=False,
        scopes=frozenset(
            (grant.flow_name, grant.queue_name)
            for grant in held
            if (not grant.flow_name or "flow" in narrowed_by)
            and (not grant.queue_name or "queue" in narrowed_by)
        ),
    )


def list_grants(user: User) -> list[RoleGrant]:
    """Return the person's grants: one query for each user object, which keeps them."""
    kept: list[RoleGrant] | None = getattr(user, "_kept_grants", None)
    if kept is None:
        # By the relation: of many people, all their grants may be there already.
        kept = list(user.grants.all())
        user._kept_grants = kept  # type: ignore[attr-defined]  # noqa: SLF001
    return kept


def _user_of(principal: Any, permission: str) -> User | None:
    if isinstance(principal, ApiToken):
        if permission != SIGNED_IN and permission not in principal.scopes:
            return None
        principal = principal.user
    if principal is None or not principal.is_authenticated or not principal.is_active:
        return None
    return cast(User, principal)
