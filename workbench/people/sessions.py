"""A person's sessions: which there are, and how each ends."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from workbench.accounts.actors import Actor
from workbench.accounts.idleness import USED, begin, is_idle
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.live.access import session_group
from workbench.live.nudges import publish

Answer = Callable[[HttpRequest], HttpResponse]
# Sent by a page that fetches what changed by itself: nobody need be in front of it.
BACKGROUND = "X-Background"
# A write at each request would burden every page.
NOTED_EVERY_SECONDS = 60


class EndUnusedSessions:
    """Signs out who has not used their session for SESSION_IDLE_SECONDS, or began it long ago."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if SESSION_KEY in request.session:
            if is_idle(request.session):
                logout(request)
                messages.info(request, "You were signed out because your session was not used.")
            elif BACKGROUND not in request.headers:
                _note_use(request)
        return self.get_response(request)


def _note_use(request: HttpRequest) -> None:
    """Note at most once a minute that the session is used."""
    used_at = request.session.get(USED)
    if used_at is None:
        begin(request.session)
    elif time.time() - used_at >= NOTED_EVERY_SECONDS and request.user.is_authenticated:
        request.session[USED] = int(time.time())
        UserSession.objects.create_from_request(request)


def begin_session(sender: Any, request: HttpRequest | None, **kwargs: Any) -> None:
    """Note when a person signs in. A receiver of Django's signal."""
    if request is not None and hasattr(request, "session"):
        begin(request.session)


def list_sessions(user: User) -> list[UserSession]:
    """Return the person's sessions that have not ended, the one used last first."""
    found = UserSession.objects.purge_and_list(user)
    return sorted(found, key=lambda session: session.last_seen_at, reverse=True)


# In this order: each browser also names those after it.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"),
             ("Safari/", "Safari"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip


def name_browser(user_agent: str) -> str:
    """Return how people call the browser and its system, such as ``Firefox on Windows``."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if not browser:
        return user_agent[:60] or "Unknown"
    return f"{browser} on {system}" if system else browser


@transaction.atomic
def end_session(*, session: UserSession, actor: Actor, now: datetime) -> None:
    """End a session: its next request and its open sockets are refused."""
    group = session_group(session.session_key)
    record(
        action="user.session_ended",
        subject=("user", str(session.user_id)),
        actor=actor,
        payload={"person": session.user.username, "address": session.ip},
        now=now,
    )
    session.end()
    transaction.on_commit(lambda: publish([group], {"type": "live.end"}))
