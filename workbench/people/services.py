"""Change people, roles and tokens, and record each act in the ledger."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, Role, RoleGrant, User
from workbench.accounts.permissions import PERMISSIONS, SIGNED_IN
from workbench.accounts.tokens import TOKEN_PREFIX, digest_secret
from workbench.audit.services import record
from workbench.live.access import announce_access_change
from workbench.values.mail_addresses import read_mail_address

ASSIGNABLE_SCOPES = frozenset(PERMISSIONS) - {SIGNED_IN}


class UnknownScope(ValueError):
    """A token's scope is not a permission."""


class LastAdmin(Exception):
    """Nobody would be left to manage people. Make another person an admin first."""


def add_person(
    *, username: str, display_name: str, email: str, actor: Actor, now: datetime
) -> tuple[User, str]:
    """Add a person. Return them and a first password, which cannot be shown again.

    Raises: ValueRefused for an address to which no mail could be sent. It may be empty.
    """
    email = read_mail_address(email) if email else ""
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        user = User.objects.create_user(
            username, email=email, password=password, display_name=display_name
        )
        _record_person("user.added", user, actor, now)
    return user, password


def end_tour(*, user: User, now: datetime) -> None:
    """Stop showing the first-run tour to a person who has finished or dismissed it."""
    User.objects.filter(pk=user.pk, tour_ended_at__isnull=True).update(tour_ended_at=now)


def set_person_active(*, user: User, active: bool, actor: Actor, now: datetime) -> None:
    """Let a person sign in, or forbid it. Then their sessions and tokens fail at the next request.

    Raises: LastAdmin.
    """
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=not active).update(is_active=active):
            return
        _record_person("user.activated" if active else "user.deactivated", user, actor, now)
        announce_access_change(user.pk)
        if not active:
            _ensure_an_admin()


def grant_role(
    *,
    user: User,
    role: Role,
    actor: Actor,
    now: datetime,
    flow_name: str = "",
    queue_name: str = "",
    granted_by: User | None = None,
) -> RoleGrant:
    """Give a person a role. If they have it already, nothing is changed or recorded."""
    with transaction.atomic():
        grant, created = RoleGrant.objects.get_or_create(
            user=user,
            role=Role(role),
            flow_name=flow_name,
            queue_name=queue_name,
            defaults={"granted_by": granted_by, "granted_at": now},
        )
        if created:
            _record_grant("role.granted", grant, actor, now)
            announce_access_change(user.pk)
    return grant


def revoke_role(*, grant: RoleGrant, actor: Actor, now: datetime) -> None:
    """Take a role away. If it is gone already, nothing is changed or recorded.

    Raises: LastAdmin.
    """
    with transaction.atomic():
        deleted, _ = RoleGrant.objects.filter(pk=grant.pk).delete()
        if deleted:
            _record_grant("role.revoked", grant, actor, now)
            announce_access_change(grant.user_id)
            if grant.role == Role.ADMIN:
                _ensure_an_admin()


def create_token(
    *,
    user: User,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    actor: Actor,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token. Return it and its secret, which is not kept and cannot be shown again.

    Raises: UnknownScope.
    """
    unknown = sorted(set(scopes) - ASSIGNABLE_SCOPES)
    if unknown:
        known = ", ".join(sorted(ASSIGNABLE_SCOPES))
        raise UnknownScope(f"Unknown scope {', '.join(unknown)}. Choose from: {known}.")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            start=secret[:10],
            digest=digest_secret(secret),
            scopes=sorted(set(scopes)),
            created_at=now,
            expires_at=expires_at,
        )
        details = {"scopes": token.scopes, "expires_at": expires_at}
        _record_token("token.created", token, actor, now, details)
    return token, secret


def revoke_token(*, token: ApiToken, actor: Actor, now: datetime) -> None:
    """End a token at once. If it has ended already, nothing is changed or recorded."""
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            return
        _record_token("token.revoked", token, actor, now, {})


def _ensure_an_admin() -> None:
    """Raise LastAdmin if nobody is left to manage people.

    Locks the grants of admins, so that two admins cannot remove each other at the same time.
    """
    admins = RoleGrant.objects.select_for_update().filter(
        role=Role.ADMIN, flow_name="", queue_name="", user__is_active=True
    )
    if not list(admins) and not User.objects.filter(is_superuser=True, is_active=True).exists():
        raise LastAdmin(LastAdmin.__doc__)


def _record_person(action: str, user: User, actor: Actor, now: datetime) -> None:
    subject = ("user", str(user.pk))
    record(action=action, subject=subject, actor=actor, payload={"person": user.username}, now=now)


def _record_token(
    action: str, token: ApiToken, actor: Actor, now: datetime, details: Mapping[str, Any]
) -> None:
    record(
        action=action,
        subject=("user", str(token.user_id)),
        actor=actor,
        payload={"token": token.pk, "name": token.name, **details},
        now=now,
    )


def _record_grant(action: str, grant: RoleGrant, actor: Actor, now: datetime) -> None:
    record(
        action=action,
        subject=("user", str(grant.user_id)),
        actor=actor,
        payload={
            "person": grant.user.username,
            "role": str(grant.role),
            "flow": grant.flow_name,
            "queue": grant.queue_name,
        },
        now=now,
    )
