"""Record who signs in and out. Django announces that by signals alone, hence these receivers."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.people.sessions import begin_session


def connect() -> None:
    user_logged_in.connect(begin_session, dispatch_uid="begin_session")
    user_logged_in.connect(_record_sign_in, dispatch_uid="record_sign_in")
    user_logged_out.connect(_record_sign_out, dispatch_uid="record_sign_out")
    user_login_failed.connect(_record_failed_sign_in, dispatch_uid="record_failed_sign_in")


def _record_sign_in(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    _record("user.signed_in", str(user.pk), Actor.user(user), request, {"person": user.username})


def _record_sign_out(
    sender: Any, request: HttpRequest | None, user: User | None, **kwargs: Any
) -> None:
    if user is not None:
        _record(
            "user.signed_out", str(user.pk), Actor.user(user), request, {"person": user.username}
        )


def _record_failed_sign_in(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Record a failed sign-in, with the name that was typed only if it is somebody's.

    Otherwise it may be a password that went into the wrong field.
    """
    name = str(credentials.get("username") or credentials.get("email") or "")
    user = User.objects.filter(username=name).first() or (
        User.objects.filter(email__iexact=name).first() if "@" in name else None
    )
    subject = str(user.pk) if user else "unknown"
    actor = Actor("user", subject, user.label if user else "Somebody", "page")
    payload = {"person": user.username if user else "an unknown name"}
    _record("user.sign_in_failed", subject, actor, request, payload)


def _record(
    action: str, user_id: str, actor: Actor, request: HttpRequest | None, payload: dict[str, Any]
) -> None:
    address = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    with transaction.atomic():
        record(
            action=action,
            subject=("user", user_id),
            actor=actor,
            payload={**payload, "address": address},
            now=timezone.now(),
        )
