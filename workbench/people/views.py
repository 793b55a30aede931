"""Admin > People, and each person's own API tokens."""

from datetime import datetime
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from workbench.accounts.actors import Actor
from workbench.accounts.gate import requires
from workbench.accounts.models import ApiToken, Role, RoleGrant, User
from workbench.accounts.permissions import PERMISSIONS, SIGNED_IN, can
from workbench.people.forms import GrantForm, PersonForm, TokenForm
from workbench.people.selectors import list_people, list_tokens
from workbench.people.services import (
    LastAdmin,
    add_person,
    create_token,
    grant_role,
    revoke_role,
    revoke_token,
    set_person_active,
)
from workbench.people.sessions import end_session, list_sessions, name_browser

INVALID = 422
CONFLICT = 409


def _person_of(request: HttpRequest) -> User:
    return cast(User, request.user)


# People


@requires("people.view", scope="installation")
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/people.html", _list_context(request))


@requires("people.view", scope="installation")
@require_GET
def people_rows(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/_people.html", _list_context(request))


def _list_context(request: HttpRequest) -> dict[str, Any]:
    text = request.GET.get("q", "").strip()[:100]
    manages = can(request.user, "people.manage")
    return {"people": list_people(text), "text": text, "manages": manages}


@requires("people.manage", scope="installation")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("password")
def person_new(request: HttpRequest) -> HttpResponse:
    form = PersonForm(request.POST or None)
    if request.method != "POST":
        return render(request, "accounts/person_new.html", {"form": form})
    if not form.is_valid():
        return render(request, "accounts/person_new.html", {"form": form}, status=INVALID)
    actor = Actor.user(_person_of(request))
    person, password = add_person(**form.cleaned_data, actor=actor, now=timezone.now())
    context = {"person": person, "password": password}
    return render(request, "accounts/person_added.html", context)


@requires("people.view", scope="installation")
@require_GET
def person(request: HttpRequest, username: str) -> HttpResponse:
    return _person_page(request, _get_user(username), GrantForm())


@requires("people.manage", scope="installation")
@require_POST
def grant(request: HttpRequest, username: str) -> HttpResponse:
    user, form = _get_user(username), GrantForm(request.POST)
    if not form.is_valid():
        return _person_page(request, user, form, status=INVALID)
    granter = _person_of(request)
    actor, now = Actor.user(granter), timezone.now()
    made = grant_role(user=user, **form.cleaned_data, actor=actor, now=now, granted_by=granter)
    messages.success(request, f"{user.label} is now {made}.")
    return redirect("accounts:person", user.username)


@requires("people.manage", scope="installation")
@require_POST
def revoke(request: HttpRequest, username: str, pk: int) -> HttpResponse:
    user = _get_user(username)
    held = get_object_or_404(RoleGrant.objects.select_related("user"), pk=pk, user=user)
    try:
        revoke_role(grant=held, actor=Actor.user(_person_of(request)), now=timezone.now())
    except LastAdmin as error:
        return _person_page(request, user, GrantForm(), status=CONFLICT, problem=str(error))
    messages.success(request, f"{user.label} is no longer {held}.")
    return redirect("accounts:person", user.username)


@requires("people.manage", scope="installation")
@require_POST
def set_active(request: HttpRequest, username: str) -> HttpResponse:
    user, active = _get_user(username), request.POST.get("active") == "yes"
    actor = Actor.user(_person_of(request))
    try:
        set_person_active(user=user, active=active, actor=actor, now=timezone.now())
    except LastAdmin as error:
        return _person_page(request, user, GrantForm(), status=CONFLICT, problem=str(error))
    told = "may sign in again" if active else "can no longer sign in; their tokens have stopped"
    messages.success(request, f"{user.label} {told}.")
    return redirect("accounts:person", user.username)


def _get_user(username: str) -> User:
    return get_object_or_404(User, username=username)


def _person_page(
    request: HttpRequest, user: User, form: GrantForm, *, status: int = 200, problem: str = ""
) -> HttpResponse:
    grants = user.grants.select_related("granted_by").order_by("role", "flow_name", "queue_name")
    context = {
        "person": user,
        "grants": grants,
        "form": form,
        "manages": can(request.user, "people.manage"),
        "sees_audit": can(request.user, "audit.view"),
        "problem": problem,
    }
    return render(request, "accounts/person.html", context, status=status)


@requires("people.view", scope="installation")
@require_GET
def roles(request: HttpRequest) -> HttpResponse:
    """Show what each role may do, from the table that is enforced."""
    rows = [
        (name, [role in allowed for role in Role])
        for name, allowed in PERMISSIONS.items()
        if name != SIGNED_IN
    ]
    return render(request, "accounts/roles.html", {"roles": list(Role), "rows": rows})


# My API tokens


@requires(SIGNED_IN, scope="own")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """List the person's tokens, or make one. Only the answer to that POST shows its secret."""
    user, now = _person_of(request), timezone.now()
    form = TokenForm(request.POST or None, user=user)
    if request.method != "POST":
        return _tokens_page(request, form, now)
    if not form.is_valid():
        return _tokens_page(request, form, now, status=INVALID)
    return _make_token(request, form, user, now)


@sensitive_variables("secret")
def _make_token(request: HttpRequest, form: TokenForm, user: User, now: datetime) -> HttpResponse:
    lifetime = form.get_lifetime()
    made, secret = create_token(
        user=user,
        name=form.cleaned_data["name"],
        scopes=form.cleaned_data["scopes"],
        now=now,
        actor=Actor.user(user),
        expires_at=now + lifetime if lifetime else None,
    )
    return _tokens_page(request, TokenForm(user=user), now, made=made, secret=secret)


@requires(SIGNED_IN, scope="own")
@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    user = _person_of(request)
    token = get_object_or_404(ApiToken, pk=pk, user=user)
    revoke_token(token=token, actor=Actor.user(user), now=timezone.now())
    messages.success(request, f"The token {token.name} has stopped working.")
    return redirect("accounts:tokens")


def _tokens_page(
    request: HttpRequest, form: TokenForm, now: datetime, *, status: int = 200, **made: Any
) -> HttpResponse:
    rows = [(token, token.state(now)) for token in list_tokens(_person_of(request))]
    return render(
        request, "accounts/tokens.html", {"rows": rows, "form": form, **made}, status=status
    )


# My sessions


@requires(SIGNED_IN, scope="own")
@never_cache
@require_GET
def sessions(request: HttpRequest) -> HttpResponse:
    """Show where the person is signed in."""
    found = list_sessions(_person_of(request))
    rows = [(each, name_browser(each.user_agent), each.is_current()) for each in found]
    return render(request, "accounts/sessions.html", {"rows": rows})


@requires(SIGNED_IN, scope="own")
@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    """End the session ``session`` of the person, or every one but this where none is named."""
    user, now = _person_of(request), timezone.now()
    wanted = request.POST.get("session", "")
    found = [
        each
        for each in list_sessions(user)
        if (str(each.pk) == wanted if wanted else not each.is_current())
    ]
    for session in found:
        end_session(session=session, actor=Actor.user(user), now=now)
    messages.success(request, _tell_ended(len(found)))
    return redirect("accounts:sessions")


def _tell_ended(count: int) -> str:
    if not count:
        return "There was no session left to end."
    return "The session has ended." if count == 1 else f"{count} sessions have ended."
