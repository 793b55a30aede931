"""The gate in front of every view, which asks for a permission.

A URL or API route without ``@requires`` or ``@public`` fails the matrix test.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

from workbench.accounts.models import ApiToken
from workbench.accounts.permissions import Reach, ensure_known, reach
from workbench.accounts.scopes import INSTALLATION, Scope
from workbench.accounts.tokens import token_refused

View = TypeVar("View", bound=Callable[..., Any])


def principal_of(request: HttpRequest) -> Any:
    """Return who sends the request: the API's token, else the person of the session."""
    return getattr(request, "auth", None) or request.user


def requires(permission: str, *, scope: str, secret: bool = False) -> Callable[[View], View]:
    """Guard a view. ``scope`` says what the permission must cover: see workbench.accounts.scopes.

    Who is not signed in is sent to sign in. Who lacks the permission gets 403, or with ``secret``
    404, so that nobody learns whether the object exists. Raises: UnknownPermission, UnknownScope.
    """
    ensure_known(permission)
    needed = Scope.read(scope, permission)

    def check(principal: Any, arguments: Mapping[str, Any]) -> None:
        found = reach(principal, permission)
        if needed.is_within(found, arguments):
            return
        if isinstance(principal, ApiToken):
            why = f"it lacks {permission}"
            token_refused.send(ApiToken, token=principal, why=why)
        if secret:
            raise Http404
        raise PermissionDenied(_explain(permission, needed, found))

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            principal = principal_of(request)
            if not getattr(principal, "user", principal).is_authenticated:
                return _to_sign_in(request)
            check(principal, kwargs)
            return cast(HttpResponseBase, view(request, *args, **kwargs))

        guarded.required_permission = permission  # type: ignore[attr-defined]
        guarded.required_scope = needed  # type: ignore[attr-defined]
        # The API's gate calls it before the body is parsed.
        guarded.check_permission = check  # type: ignore[attr-defined]
        return cast(View, guarded)

    return guard


def public(view: View) -> View:
    """Mark a view that anyone may see without signing in."""
    view.required_permission = None  # type: ignore[attr-defined]
    return view


def _explain(permission: str, needed: Scope, found: Reach) -> str:
    if found and needed.kind == INSTALLATION:
        return f"This holds for all flows and queues: it needs {permission} without limits."
    return f"This needs the permission {permission}."


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        # A redirect would put the whole sign-in page in the place of a partial.
        response = HttpResponse(status=401)
        response["HX-Refresh"] = "true"
        return response
    return redirect_to_login(request.get_full_path())
