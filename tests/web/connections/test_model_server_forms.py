"""The forms of the kinds that reach model servers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from flows.connections.models import Connection
from tests.browsers import post_untouched
from tests.factories.connections import make_connection
from tests.models.recordings import Recording, list_recordings
from tests.web.pages import page, text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
FEATURES = '[{"name": "amount"}, {"name": "purpose", "datatype": "BYTES"}]'
NEEDED = {"oip": {"f.features": FEATURES}}


@pytest.fixture
def admin(client_of: Callable[..., Client], settings: Any) -> Client:
    settings.OUTGOING_ALLOWLIST = ["127.0.0.1:8080"]
    return client_of(Role.ADMIN)


def post(client: Client, url: str, **typed: Any) -> Any:
    """Post the form at the address once something was typed into it."""
    html = page(client, url)
    start = html.index('id="connection-form"')
    posted = dict(post_untouched(html[start : html.index("</form>", start)]).lists())
    return client.post(url, {**posted, **typed})


@pytest.mark.parametrize("kind", ["bentoml", "mlflow", "oip", "ray_serve", "torchserve"])
def test_a_connection_is_added_with_what_a_kind_needs(admin: Client, kind: str) -> None:
    typed = {"title": "Scores", "address": "http://127.0.0.1:8080", **NEEDED.get(kind, {})}
    answer = post(admin, f"/connections/new/{kind}/", **typed)
    assert answer.status_code == 302, text_of(answer)
    row = Connection.objects.get()
    assert (row.name, row.kind) == ("scores", kind)
    if kind == "oip":
        assert [each["name"] for each in row.options["features"]] == ["amount", "purpose"]


def test_what_features_may_not_be_is_said(admin: Client) -> None:
    typed = {"title": "Scores", "address": "http://127.0.0.1:8080"}
    for options, says in [
        ({"f.features": '[{"name": "amount", "datatype": "FLOAT"}]'}, "FP64"),
        ({"f.features": '[{"name": "amount"}, {"name": "amount"}]'}, "Two features have one name"),
        ({"f.features": FEATURES, "f.tensor": "x"}, "One tensor has one datatype"),
    ]:
        answer = post(admin, "/connections/new/oip/", **typed, **options)
        assert answer.status_code == 422
        assert says in text_of(answer)
    assert not Connection.objects.exists()


@pytest.mark.parametrize("recording", list_recordings(), ids=lambda each: each.name)
def test_options_survive_a_form_that_comes_back_untouched(
    admin: Client, recording: Recording
) -> None:
    make_connection(
        kind=recording.kind, enabled=False, address="http://127.0.0.1:8080",
        options=recording.options, parameters=recording.parameters,
    )  # fmt: skip
    answer = post(admin, "/connections/risk/edit/")
    assert answer.status_code == 302, text_of(answer)
    kept = Connection.objects.get().options
    for name, value in recording.options.items():
        assert with_datatypes(kept[name]) == with_datatypes(value)


def with_datatypes(option: Any) -> Any:
    """Return an option with the datatype of features that leave it out."""
    is_features = isinstance(option, list) and all(isinstance(each, dict) for each in option)
    return [{"datatype": "FP64", **each} for each in option] if is_features else option
