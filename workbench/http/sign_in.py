"""Who calls the API: a bearer token, or the session of a page of this site."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken
from workbench.accounts.permissions import Principal
from workbench.accounts.tokens import TokenExpired, TokenInvalid, authenticate_token
from workbench.http.problems import ApiProblem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
NEW_TOKEN = (
    "Make a new token on the page Account > API tokens and send it as `Authorization: Bearer`."  # noqa: S105
)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="countersign"'}


def authenticate(request: HttpRequest) -> Principal:
    """Return the principal. With a bearer header the session does not count, even if that fails.

    Raises: ApiProblem (401, or 403 where a session lacks its CSRF token).
    """
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _of_token(secret.strip())
    if not request.user.is_authenticated:
        raise ApiProblem(
            401, "not-signed-in", "This needs an API token.", NEW_TOKEN, headers=CHALLENGE
        )
    if request.method not in SAFE_METHODS and check_csrf(request) is not None:
        raise ApiProblem(
            403,
            "csrf-token-missing",
            "A request with a session must carry its CSRF token.",
            "Send the page's token as X-CSRFToken, or use an API token instead of the session.",
        )
    return request.user


def _of_token(secret: str) -> ApiToken:
    try:
        return authenticate_token(secret, timezone.now())
    except TokenExpired as error:
        headers = {"WWW-Authenticate": CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'}
        raise ApiProblem(401, "token-expired", str(error), NEW_TOKEN, headers=headers) from error
    except TokenInvalid as error:
        detail = "The token is unknown or was revoked."
        raise ApiProblem(401, "token-invalid", detail, NEW_TOKEN, headers=CHALLENGE) from error


def actor_of(request: HttpRequest) -> Actor:
    """Return who acts through the API, to be recorded in the ledger."""
    principal: Any = request.auth  # type: ignore[attr-defined]
    if isinstance(principal, ApiToken):
        return Actor.token(principal)
    return Actor.user(principal, channel="api")


def person_of(request: HttpRequest) -> Any:
    """Return the person of the request: the token's, or the session's."""
    principal: Any = request.auth  # type: ignore[attr-defined]
    return principal.user if isinstance(principal, ApiToken) else principal


class BearerToken(HttpBearer):
    """Declares the scheme in OpenAPI. The gateway has authenticated the request already."""

    def __call__(self, request: HttpRequest) -> Any:
        return getattr(request, "auth", None)

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        return getattr(request, "auth", None)


class PageSession(APIKeyCookie):
    """Declares the session cookie in OpenAPI. The gateway has checked it and the CSRF token."""

    param_name = "sessionid"

    def __init__(self) -> None:
        super().__init__(csrf=False)

    def authenticate(self, request: HttpRequest, key: str | None) -> Any:
        return getattr(request, "auth", None)
