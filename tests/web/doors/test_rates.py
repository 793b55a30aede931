"""A person may ask for only so many previews in a minute; others are not held up by it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories.flows import make_flow
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    cache.clear()


def test_previews_past_the_limit_of_a_minute_are_refused(
    client_of: Callable[..., Client], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PREVIEWS_A_MINUTE = 2
    now = timezone.now()
    monkeypatch.setattr("workbench.http.rates.timezone.now", lambda: now)
    one, other = client_of(Role.DESIGNER), client_of(Role.DESIGNER)
    evaluate = reverse("flows:editor-evaluate", args=["none"])
    assert [one.post(evaluate).status_code for _ in range(3)] == [404, 404, 429]
    case = reverse("flows:editor-preview", args=["none", "a"])
    refused = one.get(case, headers={"Accept": "application/json"})
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert "2 previews in a minute" in refused.json()["error"]
    assert other.post(evaluate).status_code == 404


def test_tests_and_estimates_by_api_count_as_previews(
    client_of: Callable[..., Client], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PREVIEWS_A_MINUTE = 2
    # A minute of its own: the counts of other tests are still there.
    now = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr("workbench.http.rates.timezone.now", lambda: now)
    designer = client_of(Role.DESIGNER)
    make_flow("loan")
    played = "/api/v1/flows/loan/tests"
    play = [designer.post(played, {}, "application/json").status_code for _ in range(2)]
    refused = designer.post(played, {}, "application/json")
    assert (play, refused.status_code, refused["Retry-After"]) == ([200, 200], 429, "60")
    assert refused.json()["type"].endswith("previews-too-often")
    assert designer.get("/api/v1/flows/loan/thresholds/x").status_code == 429
    assert designer.post(reverse("flows:flow-tests-play", args=["loan"])).status_code == 429
    assert client_of(Role.DESIGNER).post(played, {}, "application/json").status_code == 200
