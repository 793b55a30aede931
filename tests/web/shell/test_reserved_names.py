"""Nothing takes a name with which a page could never be reached. The names come from the URLs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.utils import timezone

from flows.assets.errors import AssetInvalid
from flows.assets.kinds import get_kind
from flows.assets.services import create_asset
from flows.connections.services import ConnectionInvalid, save_connection
from flows.connections.settings import ConnectionSettings
from flows.services import NameReserved, create_flow
from reviews.errors import SettingsInvalid
from reviews.notices.services import save_destination
from reviews.settings.services.queues import create_queue
from reviews.settings.services.sla import save_calendar, save_sla_policy
from tests.factories.flows import make_flow
from tests.factories.people import ACTOR
from tests.web.api import Api
from workbench.accounts.models import Role
from workbench.http.addresses import is_reserved

pytestmark = pytest.mark.django_db
LAST = "<slug:name>/"


def list_routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from list_routes(pattern, route)


def list_hiding_names() -> dict[str, set[str]]:
    """Return, by the page of a named thing, the names whose address is another page's."""
    routes = set(list_routes(get_resolver()))
    found = {}
    for route in (each for each in routes if each.endswith(LAST)):
        folder = route.removesuffix(LAST)
        beside = {each[len(folder) : -1] for each in routes if each.startswith(folder)}
        names = {name for name in beside if name and "/" not in name and "<" not in name}
        if names:
            found[resolve(f"/{folder}any-name/").view_name] = names
    return found


def make_a_flow(name: str) -> None:
    now = timezone.now()
    create_flow(name=name, title="", document=None, author=None, actor=ACTOR, now=now)


def make_queue(name: str) -> None:
    create_queue(name=name, title="A queue", actor=ACTOR, now=timezone.now())


def make_calendar(name: str) -> None:
    values = {"time_zone": "UTC", "hours": {"monday": [["09:00", "17:00"]]}, "country": "",
              "subdivision": "", "closed": []}  # fmt: skip
    save_calendar(name=name, values=values, actor=ACTOR, now=timezone.now())


def make_policy(name: str) -> None:
    values: dict[str, Any] = {"title": "A policy", "calendar": None, "due_minutes": 60,
                              "steps": [], "breach": "expire"}  # fmt: skip
    save_sla_policy(name=name, values=values, actor=ACTOR, now=timezone.now())


def make_destination(name: str) -> None:
    values = {"title": "New", "kind": "email", "address": "a@example.org", "kinds": ["case.due"],
              "queue": None, "enabled": True}  # fmt: skip
    save_destination(name=name, values=values, key="", actor=ACTOR, now=timezone.now())


def make_connection(name: str) -> None:
    settings = ConnectionSettings.model_validate(
        {"title": "A model", "kind": "http", "address": "http://127.0.0.1:9/", "enabled": False}
    )
    save_connection(name=name, settings=settings, actor=ACTOR, now=timezone.now())


def make_asset_of(kind: str) -> Callable[[str], None]:
    """Return what makes an asset of a kind."""

    def make(name: str) -> None:
        create_asset(
            kind=get_kind(kind), name=name, title="An asset", content=None, actor=ACTOR,
            now=timezone.now(),
        )  # fmt: skip

    return make


MAKERS: dict[str, Callable[[str], None]] = {
    "flows:flow-detail": make_a_flow,
    "flows:connection-detail": make_connection,
    "flows:contract-detail": make_asset_of("contract"),
    "flows:list-detail": make_asset_of("list"),
    "flows:policy-detail": make_asset_of("policy"),
    "flows:prompt-detail": make_asset_of("prompt"),
    "flows:table-detail": make_asset_of("table"),
    "reviews:queue": make_queue,
    "reviews:calendar": make_calendar,
    "reviews:policy": make_policy,
    "reviews:destination": make_destination,
}


def test_each_name_that_would_hide_a_page_is_refused() -> None:
    hiding = list_hiding_names()
    assert hiding.keys() == MAKERS.keys()
    assert hiding["flows:flow-detail"] == {"new", "rows"}
    for page, names in hiding.items():
        for name in names:
            assert is_reserved(page, name)
            refused = (NameReserved, SettingsInvalid, ConnectionInvalid, AssetInvalid)
            with pytest.raises(refused) as refusal:
                MAKERS[page](name)
            assert "another page" in f"{vars(refusal.value)}"


def test_other_names_are_free() -> None:
    assert not any(is_reserved(page, "new-loans") for page in MAKERS)
    make_a_flow("news")
    make_queue("news")
    make_calendar("news")


def test_the_api_says_that_a_name_is_taken_by_a_page() -> None:
    answer = Api(Role.DESIGNER).post("/flows", {"name": "new", "title": "New"})
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("name-reserved")


def test_the_page_says_that_a_name_is_taken_by_a_page(designer: Any) -> None:
    make_flow()
    answer = designer.post("/flows/new/", {"from": "blank", "title": "New"})
    assert answer.status_code == 422
    assert "No flow can be named" in answer.content.decode()
