"""Every address and API route against every role: deny by default, and as PERMISSIONS says.

Generated from the URL configuration. An address without ``@requires`` or ``@public`` fails here.
``docs/permissions.md`` is checked against it; WRITE_DOCS=1 writes it.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User
from workbench.accounts.permissions import PERMISSIONS, SIGNED_IN
from workbench.accounts.scopes import Scope
from workbench.people.services import grant_role

DOCS = Path(__file__).parents[3] / "docs" / "permissions.md"
MISSING = "nothing"
# A value for each converter of a URL argument; what it names need not exist.
SAMPLES = {
    "int": "999999",
    "str": "none",
    "slug": "none",
    "uuid": "0" * 8 + "-0000-4000-8000-" + "0" * 12,
    "path": "none",
}
REFUSED = {401, 403}
# The answer of an address that its own check of the object, or of the form, came before.
SERVER_ERROR = 500


@dataclass(frozen=True)
class Address:
    """One way in: a page, or one method of an API route."""

    route: str
    method: str
    required: str | None
    scope: Scope | None = None

    @property
    def url(self) -> str:
        return "/" + re.sub(r"<(?:(\w+):)?\w+>", lambda m: SAMPLES[m[1] or "str"], self.route)

    def __str__(self) -> str:
        return f"{self.method} /{self.route}"


def addresses() -> list[Address]:
    return sorted(_walk(get_resolver().url_patterns, ""), key=lambda a: (a.route, a.method))


def _walk(patterns: list[Any], prefix: str) -> Iterator[Address]:
    for pattern in patterns:
        route = prefix + _plain(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield from _methods(pattern.callback, route)


def _plain(route: str) -> str:
    """A regular expression's named groups as path arguments; the catch-all as itself."""
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route)
    return route.lstrip("^").rstrip("$")


def _methods(view: Any, route: str) -> Iterator[Address]:
    operations = getattr(view, "operations", None)
    if operations is None:
        yield _make_address(route, "GET", view)
        return
    for operation in operations:
        for method in operation.methods:
            yield _make_address(route, method, operation.view_func)


def _make_address(route: str, method: str, view: Any) -> Address:
    required = getattr(view, "required_permission", MISSING)
    return Address(route, method, required, getattr(view, "required_scope", None))


ADDRESSES = addresses()
GUARDED = [address for address in ADDRESSES if address.required not in {None, MISSING}]


def test_every_address_has_a_permission_or_is_public() -> None:
    without = [str(address) for address in ADDRESSES if address.required == MISSING]
    assert without == []
    assert {a.required for a in GUARDED} <= set(PERMISSIONS)


def test_only_the_listed_addresses_are_public() -> None:
    public = {address.route for address in ADDRESSES if address.required is None}
    outside = {
        route
        for route in public
        if not re.match(
            r"accounts/(login|logout|inactive|signup|password/reset|2fa/authenticate)", route
        )
    }
    assert outside <= PUBLIC


# A webhook is opened by its signature, a question to someone outside by its link.
HOOKS = "hooks/<uuid:public_id>/"
REPLIES = "review/links/reply/<str:token>/"
PUBLIC = {"api/v1/", "api/v1/openapi.json", "healthz/", "readyz/", "metrics", HOOKS, REPLIES}


def sign_in_as(role: str) -> Client:
    user = User.objects.create_user(role, password="correct horse")
    if role in Role.values:
        actor = Actor.system("test")
        grant_role(user=user, role=Role(role), actor=actor, now=timezone.now())
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_without_signing_in_nothing_guarded_opens() -> None:
    client = Client()
    for address in GUARDED:
        response = _ask(client, address)
        if address.route.startswith("api/"):
            assert response.status_code == 401, address
        else:
            assert response.status_code == 302, address
            assert response.headers["Location"].startswith("/accounts/login/"), address


@pytest.mark.django_db
@pytest.mark.parametrize("role", [*Role.values, "nobody"])
def test_each_role_may_open_what_the_table_says(role: str) -> None:
    client = sign_in_as(role)
    wrong = []
    for address in GUARDED:
        if address.route.startswith("accounts/2fa/"):
            continue  # allauth refuses these also to who has no second factor
        response = _ask(client, address)
        if response.streaming:  # reading it to its end closes its file
            b"".join(response.streaming_content)
        may = address.required == SIGNED_IN or role in PERMISSIONS[address.required or ""]
        status = response.status_code
        refused = status in REFUSED or (not may and status == 404 and not _api(address))
        if refused == may or status >= SERVER_ERROR:
            wrong.append(f"{address} as {role}: {status}, {address.required}")
    assert not wrong, "\n".join(wrong)


def _api(address: Address) -> bool:
    return address.route.startswith("api/")


def _ask(client: Client, address: Address) -> Any:
    if address.method == "GET":
        response = client.get(address.url)
        if response.status_code != 405:
            return response
        method = response.headers["Allow"].split(", ")[0]
        return client.generic(method, address.url)
    # A body that no route takes: permission comes before the form.
    return client.generic(address.method, address.url, "{}", content_type="application/json")


# --- docs/permissions.md ------------------------------------------------------


def document() -> str:
    roles = list(Role)
    head = "| Permission | " + " | ".join(role.label for role in roles) + " |"
    lines = [
        "# Permissions",
        "",
        "Generated from `workbench/accounts/permissions.py` and the addresses, and checked by",
        "`tests/web/accounts/test_permission_matrix.py`. Write it anew with",
        "`WRITE_DOCS=1 pytest tests/web/accounts/test_permission_matrix.py`.",
        "",
        "Everything is denied that is not allowed here. A role may be granted for one flow, one",
        "queue or both; it then holds for objects of these alone, and gives no permission that is",
        "not about a flow or a queue. An API token has the permissions that both its scopes and",
        "its person have. A superuser has every permission.",
        "",
        "## By role",
        "",
        head,
        "|---|" + ":-:|" * len(roles),
    ]
    for name, allowed in PERMISSIONS.items():
        if name != SIGNED_IN:
            marks = " | ".join("yes" if role in allowed else "" for role in roles)
            lines.append(f"| `{name}` | {marks} |")
    lines += [
        "",
        "## By address",
        "",
        "*On* says what the permission must cover (`workbench/accounts/scopes.py`). The whole",
        "installation: a grant without limits. That flow, that queue: a grant for the one that the",
        "address names. Each object: a grant for anything opens it, lists show what is within the",
        "grant, any other object is not found. Something in that queue: the same, in that queue.",
        "",
        "| Address | Method | Requires | On |",
        "|---|---|---|---|",
    ]
    for address in ADDRESSES:
        required = {None: "public", SIGNED_IN: "a signed-in person"}.get(
            address.required, f"`{address.required}`"
        )
        route = address.route.replace("|", "\\|")
        scope = address.scope.describe() if address.scope else ""
        lines.append(f"| `/{route}` | {address.method} | {required} | {scope} |")
    return "\n".join(lines) + "\n"


def test_the_document_is_what_is_enforced() -> None:
    if os.environ.get("WRITE_DOCS"):
        DOCS.write_text(document())
    assert DOCS.read_text() == document(), "Run it with WRITE_DOCS=1."
