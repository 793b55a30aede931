"""Record who signs in and out, and what people change in how they sign in.

Django and allauth announce that by signals alone, hence these receivers.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from allauth.account import signals as account
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, User
from workbench.accounts.tokens import token_refused
from workbench.audit.refusals import Refusal, note_refusal
from workbench.audit.services import record
from workbench.people.sessions import begin_session
from workbench.shell.preferences import time_zone_changed

FAILURE_SPAN = timedelta(minutes=10)
FACTORS = {"totp": "an authenticator app", "recovery_codes": "recovery codes"}
OWN_CHANGES: dict[Signal, str] = {
    account.password_set: "user.password_set",
    account.password_changed: "user.password_changed",
    account.password_reset: "user.password_reset",
    account.email_added: "user.email_added",
    account.email_changed: "user.email_changed",
    account.email_removed: "user.email_removed",
}


def connect() -> None:
    user_logged_in.connect(begin_session, dispatch_uid="begin_session")
    user_logged_in.connect(_record_sign_in, dispatch_uid="record_sign_in")
    user_logged_out.connect(_record_sign_out, dispatch_uid="record_sign_out")
    user_login_failed.connect(_note_failed_sign_in, dispatch_uid="note_failed_sign_in")
    authentication_failed.connect(_note_failed_factor, dispatch_uid="note_failed_factor")
    token_refused.connect(_note_refused_token, dispatch_uid="note_refused_token")
    time_zone_changed.connect(_record_time_zone, dispatch_uid="record_time_zone")
    # allauth's own signals of these come after its commit, too late for an entry that must be kept.
    post_save.connect(_record_factor_saved, Authenticator, dispatch_uid="record_factor_saved")
    post_delete.connect(_record_factor_gone, Authenticator, dispatch_uid="record_factor_gone")
    for signal, action in OWN_CHANGES.items():
        signal.connect(_make_receiver(action), dispatch_uid=f"record_{action}", weak=False)


def _record_sign_in(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    _record("user.signed_in", str(user.pk), Actor.user(user), request, {"person": user.username})


def _record_sign_out(
    sender: Any, request: HttpRequest | None, user: User | None, **kwargs: Any
) -> None:
    if user is not None:
        _record(
            "user.signed_out", str(user.pk), Actor.user(user), request, {"person": user.username}
        )


def _make_receiver(action: str) -> Callable[..., None]:
    def record_change(sender: Any, request: HttpRequest | None, user: User, **details: Any) -> None:
        actor = _person_behind(request, user)
        _record(action, str(user.pk), actor, request, {"person": user.username})

    return record_change


def _person_behind(request: HttpRequest | None, user: User) -> Actor:
    """Return who changes it. By the link of a reset mail, nobody is signed in."""
    signed_in = request is not None and request.user.is_authenticated
    return Actor.user(user) if signed_in else Actor.link(user)


def _record_factor_saved(
    sender: Any, instance: Authenticator, created: bool, **kwargs: Any
) -> None:
    if created:
        _record_factor("user.second_factor_added", instance)


def _record_factor_gone(sender: Any, instance: Authenticator, **kwargs: Any) -> None:
    _record_factor("user.second_factor_removed", instance)


def _record_factor(action: str, factor: Authenticator) -> None:
    payload = {"person": factor.user.username, "factor": FACTORS.get(factor.type, factor.type)}
    _record(action, str(factor.user_id), Actor.user(factor.user), None, payload)


def _record_time_zone(sender: Any, user: User, before: str, **kwargs: Any) -> None:
    payload = {"person": user.username, "time_zone": user.time_zone, "before": before}
    _record("user.time_zone_changed", str(user.pk), Actor.user(user), None, payload)


def _note_failed_sign_in(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Note a failed sign-in, with the name that was typed only if it is somebody's.

    Otherwise it may be a password that went into the wrong field.
    """
    name = str(credentials.get("username") or credentials.get("email") or "")
    user = User.objects.filter(username=name).first() or (
        User.objects.filter(email__iexact=name).first() if "@" in name else None
    )
    _note_failure("user.sign_in_failed", user, request)


def _note_failed_factor(
    sender: Any, request: HttpRequest | None, user: User, **kwargs: Any
) -> None:
    _note_failure("user.second_factor_failed", user, request)


def _note_failure(action: str, user: User | None, request: HttpRequest | None) -> None:
    """Note one entry for each account and span, with how many there were."""
    subject = str(user.pk) if user else "unknown"
    actor = Actor("user", subject, user.label if user else "Somebody", "page")
    payload = {"person": user.username if user else "an unknown name", "address": _from(request)}
    note_refusal(Refusal(action, ("user", subject), actor, payload, most=1, span=FAILURE_SPAN))


def _note_refused_token(sender: Any, token: ApiToken | None, why: str, **kwargs: Any) -> None:
    if token is None:
        subject, actor = ("user", "unknown"), Actor("token", "unknown", "Somebody", "api")
    else:
        subject, actor = ("user", str(token.user_id)), Actor.token(token)
    payload = {
        "token": token.pk if token else None,
        "name": token.name if token else "",
        "why": why,
    }
    note_refusal(Refusal("token.refused", subject, actor, payload))


def _from(request: HttpRequest | None) -> str:
    return str(request.META.get("REMOTE_ADDR", "")) if request is not None else ""


def _record(
    action: str, user_id: str, actor: Actor, request: HttpRequest | None, payload: dict[str, Any]
) -> None:
    with transaction.atomic():
        record(
            action=action,
            subject=("user", user_id),
            actor=actor,
            payload={**payload, "address": _from(request)},
            now=timezone.now(),
        )
