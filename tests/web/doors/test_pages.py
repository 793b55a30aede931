"""Every page refuses text that no database keeps, before its view sees it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
SAMPLES = {"int": "1", "str": "none", "slug": "none", "path": "none", "uuid": f"{0:032x}"}
NUL = "a\0b"
ROOT = Path(__file__).resolve().parents[3]


def list_pages(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        part = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", str(pattern.pattern))
        route = prefix + part.lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from list_pages(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and not getattr(
            pattern.callback, "csrf_exempt", False
        ):
            yield route


def as_url(route: str) -> str:
    return re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES[found[1] or "str"], route)


@pytest.fixture
def everybody(client_of: Callable[..., Client]) -> Client:
    client = client_of(*Role)
    client.raise_request_exception = False
    return client


def test_a_nul_in_any_field_of_any_page_is_refused(everybody: Client) -> None:
    routes = [each for each in list_pages(get_resolver().url_patterns) if "<uuid" not in each]
    assert len(routes) > 100
    for route in routes:
        for answer in (
            everybody.post(as_url(route), {"note": NUL}),
            everybody.post(as_url(route), {NUL: "1"}),
        ):
            assert answer.status_code == 422, (route, answer.status_code)
            assert b"NUL" in answer.content


def test_the_page_s_own_script_gets_a_partial(everybody: Client) -> None:
    answer = everybody.post("/flows/new/", {"name": NUL}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert b"<html" not in answer.content
    assert b"name: The text holds a NUL" in answer.content


def test_a_nul_in_the_address_leads_nowhere(everybody: Client) -> None:
    assert everybody.get("/flows/a%00b/").status_code == 404


def test_a_nul_in_the_query_of_any_page_is_refused(everybody: Client) -> None:
    routes = [each for each in list_pages(get_resolver().url_patterns) if "<uuid" not in each]
    for route in routes:
        answer = everybody.get(as_url(route), {"q": NUL})
        assert answer.status_code == 422, (route, answer.status_code)
        assert b"NUL" in answer.content


def test_no_code_takes_a_nul_out_of_what_was_sent() -> None:
    # Answers of other servers and messages of errors are shown as well as they can be.
    allowed = {
        "flows/steps/answers.py",
        "flows/runtime/execution.py",
        "workbench/dispatch/sweeps.py",
    }
    found = {
        str(path.relative_to(ROOT))
        for package in ("workbench", "flows", "reviews")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"""replace\(['"]\\(0|x00)['"]""", path.read_text())
    }
    assert found == allowed
