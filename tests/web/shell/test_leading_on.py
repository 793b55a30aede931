"""A request leads on to a page of this site, whatever address it names."""

from collections.abc import Callable

import pytest
from django.test import Client

from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
ELSEWHERE = [
    '{"a": 1}', "a:b", "flows:flow-list", "http://[::1", "//evil.example/", "/\\evil.example",
    "javascript:alert(1)", "https://evil.example/", "", " ",
]  # fmt: skip


@pytest.fixture
def operator(client_of: Callable[..., Client]) -> Client:
    client = client_of(Role.OPERATOR)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("wanted", ELSEWHERE)
@pytest.mark.parametrize("page", ["/preferences/", "/tour/end/"])
def test_a_form_leads_to_no_other_place(operator: Client, page: str, wanted: str) -> None:
    answer = operator.post(page, {"next": wanted})
    assert answer.status_code == 302
    assert answer["Location"] in {"/preferences/", "/flows/"}


@pytest.mark.parametrize("page", ["/preferences/", "/tour/end/"])
def test_a_form_leads_back_to_its_page(operator: Client, page: str) -> None:
    assert operator.post(page, {"next": "/runs/?q=a:b"})["Location"] == "/runs/?q=a:b"


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_signing_in_leads_to_no_other_place(operator: Client, wanted: str) -> None:
    answer = operator.get("/accounts/login/", {"next": wanted})
    assert answer.status_code == 302
    assert "evil" not in answer["Location"]
    assert "script" not in answer["Location"]
