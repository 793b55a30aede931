"""Saving, turning on and off and removing: what is refused, and what the ledger keeps."""

import json
from typing import Any

import pytest
from django.utils import timezone

from flows.connections import services
from flows.connections.models import Connection
from flows.connections.settings import ConnectionSettings, compute_digest, settings_of
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from workbench.audit.models import Entry
from workbench.secrets.services import set_secret

pytestmark = pytest.mark.django_db
GIVEN: dict[str, Any] = {"title": "Risk", "kind": "http", "address": "https://m.example/predict"}


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = ["m.example"]


def save(name: str = "risk", **more: Any) -> Connection:
    settings = ConnectionSettings.model_validate({**GIVEN, **more})
    return services.save_connection(name=name, settings=settings, actor=ACTOR, now=timezone.now())


def problems(name: str = "risk", **more: Any) -> dict[str, str]:
    with pytest.raises(services.ConnectionInvalid) as refused:
        save(name, **more)
    assert not Connection.objects.exists()
    assert not Entry.objects.exists()
    return refused.value.problems


def actions() -> list[str]:
    return list(Entry.objects.order_by("pk").values_list("action", flat=True))


def test_each_act_leaves_its_entry_with_a_digest_of_what_is_set() -> None:
    row = save()
    save(title="Other", prices={"call": 0.5})
    save(title="Other", prices={"call": 0.5}, enabled=False)
    save(title="Third", enabled=True)
    services.set_connection_enabled(name="risk", enabled=False, actor=ACTOR, now=timezone.now())
    services.remove_connection(name="risk", actor=ACTOR, now=timezone.now())
    assert actions() == [
        "connection.created", "connection.changed", "connection.disabled",
        "connection.changed", "connection.enabled", "connection.disabled", "connection.removed",
    ]  # fmt: skip
    payload = json.loads(str(Entry.objects.order_by("pk")[0].payload.body))
    assert payload["digest"] == compute_digest(row)
    assert (payload["address"], payload["revision"]) == (GIVEN["address"], 1)


def test_equal_settings_change_and_record_nothing() -> None:
    card = {"purpose": "P", "review_on": "2026-09-01"}
    given: dict[str, Any] = {
        "prices": {"input": 0.1, "second": 0.000001},
        "card": card,
        "flows": ["b", "a"],
    }
    row = save(**given)
    again = save(**{**given, "flows": ["a", "b", "b"]})
    assert (again.revision, actions()) == (1, ["connection.created"])
    kept = ConnectionSettings.model_validate(settings_of(row))
    same = services.save_connection(name="risk", settings=kept, actor=ACTOR, now=timezone.now())
    assert same.revision == 1


def test_the_secret_is_in_no_entry() -> None:
    uses = ["connection:risk"]
    set_secret(name="RISK_KEY", value="s3cret-value-1", uses=uses, actor=ACTOR, now=timezone.now())
    save(secret_name="RISK_KEY")
    kept = [str(each.payload.body) for each in Entry.objects.all()]
    assert len(kept) == 2
    assert "s3cret-value-1" not in "".join(kept)


@pytest.mark.parametrize("name", ["", "Risk", "a b", "-a", "ä", "a" * 81, "a/b", "new", "rows"])
def test_a_name_that_no_step_or_page_could_use_is_refused(name: str) -> None:
    assert "name" in problems(name)


def test_the_name_of_a_local_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.steps import models

    monkeypatch.setattr(models.LOCAL, "models", lambda: {"risk": "1"})
    assert "could not tell them apart" in problems()["name"]


def test_the_name_of_a_model_of_a_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.steps import models

    class Far:
        name = "far"

        def models(self) -> dict[str, str]:
            return {"risk": "2"}

    monkeypatch.setitem(models._PROVIDERS, "far", Far())
    assert "A model of far has this name" in problems()["name"]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"kind": "carrier-pigeon"}, "kind"),
        ({"options": {"output": "x"}}, "options.output"),
        ({"options": {"secret_header": "Host"}}, "options.secret_header"),
        ({"options": {"confidence": {"how": "guess"}}}, "options.confidence.how"),
        ({"address": "https://other.example/"}, "address"),
        ({"address": "https://m.example/?key=1"}, "address"),
        ({"address": "https://user:pw@m.example/"}, "address"),
        ({"address": "file:///etc/passwd"}, "address"),
        ({"secret_name": "NOBODYS"}, "secret_name"),
        ({"flows": ["a b"]}, "flows"),
        ({"input_schema": {"type": "nothing"}}, "input_schema"),
        ({"output_schema": {"$ref": "https://elsewhere.example/"}}, "output_schema"),
        ({"card": {"review_on": "2026-02-30"}}, "card.review_on"),
    ],
)
def test_what_does_not_hold_is_refused_with_its_field(more: dict[str, Any], field: str) -> None:
    assert field in problems(**more)


def test_an_address_inside_a_private_network_is_refused_when_it_is_saved(settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = ["*"]
    for address in ("http://10.0.0.7/", "http://169.254.169.254/", "http://[::ffff:10.0.0.7]/"):
        assert "private network" in problems(address=address)["address"]


def test_a_connection_that_is_off_may_keep_an_address_that_is_not_allowed_here() -> None:
    row = save(address="https://other.example/", enabled=False)
    with pytest.raises(services.ConnectionInvalid, match="not allowed"):
        services.set_connection_enabled(
            name=row.name, enabled=True, actor=ACTOR, now=timezone.now()
        )
    row.refresh_from_db()
    assert not row.enabled


def test_whatever_became_of_it_a_connection_can_be_turned_off() -> None:
    row = make_connection(kind="gone", secret_name="GONE", address="ftp://x")
    services.set_connection_enabled(name=row.name, enabled=False, actor=ACTOR, now=timezone.now())
    assert actions() == ["connection.disabled"]


def test_what_a_released_version_asks_is_not_removed() -> None:
    save()
    publish_flow("ask -> b", ask={"type": "model.infer", "model": "risk", "input": {}}, name="loan")
    publish_flow("ask -> b", ask={"type": "model.infer", "model": "riskier", "input": {}})
    with pytest.raises(services.ConnectionInUse) as refused:
        services.remove_connection(name="risk", actor=ACTOR, now=timezone.now())
    assert refused.value.flows == ["loan"]
    assert "loan" in refused.value.message
    assert Connection.objects.filter(name="risk").exists()
    assert "connection.removed" not in actions()
