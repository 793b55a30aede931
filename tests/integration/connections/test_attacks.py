"""What a model server, its answers and its settings may try, and do not get."""

import json
import time
from typing import Any

import pytest
from django.utils import timezone

from flows.connections.provider import PROVIDER
from flows.connections.trying import try_connection
from flows.spending.limits import known_budgets
from flows.spending.models import Budget, Spent
from flows.steps.asking import UseRefused
from flows.steps.base import StepFailure
from flows.steps.models import InferenceRequest
from tests.factories.connections import make_connection
from tests.factories.people import ACTOR
from tests.integration.connections.model_server import ModelServer, flood, trickle
from workbench.audit.models import Entry
from workbench.secrets.services import delete_secret, set_secret

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "sk-very-secret-0123456789"


def keep_secret(*uses: str, name: str = "RISK_KEY") -> None:
    set_secret(name=name, value=KEY, uses=uses, actor=ACTOR, now=timezone.now())


def infer(name: str = "risk", flow: str = "loan", **more: Any) -> Any:
    return PROVIDER.infer(InferenceRequest(name, {"amount": 1}, flow=flow, **more))


def failure(**more: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        infer(**more)
    return caught.value


def test_a_flow_without_the_right_is_refused_and_nothing_is_sent(model: ModelServer) -> None:
    make_connection(address=model.url, flows=["loan"])
    for flow in ("claims", "", "loan2", "*"):
        with pytest.raises(UseRefused, match="may not use"):
            infer(flow=flow)
    assert model.asked == []


def test_a_secret_of_another_use_is_not_read(model: ModelServer) -> None:
    keep_secret("flow:*", "connection:other", "notices")
    make_connection(address=model.url, secret_name="RISK_KEY")
    refused = failure()
    assert (refused.kind, refused.retryable) == ("secret", False)
    assert model.asked == []


def test_a_secret_that_was_taken_away_is_not_sent_for_longer_than_a_second(
    model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_secret("connection:risk")
    make_connection(address=model.url, secret_name="RISK_KEY")
    infer()
    delete_secret(name="RISK_KEY", actor=ACTOR, now=timezone.now())
    later = time.monotonic() + 1.01
    monkeypatch.setattr("flows.connections.known.time.monotonic", lambda: later)
    assert failure().kind == "secret"
    assert len(model.asked) == 1


def test_the_secret_is_sent_in_its_header_only(model: ModelServer) -> None:
    keep_secret("connection:risk")
    model.answer = {"score": 0.5}
    make_connection(address=model.url, secret_name="RISK_KEY")
    infer()
    (asked,) = model.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    rest = {name: value for name, value in asked.headers.items() if name != "authorization"}
    assert KEY not in f"{asked.path} {asked.body} {rest}"


def test_a_secret_that_the_server_sends_back_is_masked_everywhere(model: ModelServer) -> None:
    keep_secret("connection:risk")
    options = {
        "version_at": "version", "request_id_at": "id", "reasons_at": "why",
        "confidence": {"how": "field", "path": "p"},
    }  # fmt: skip
    model.answer = {
        "echo": [f"Bearer {KEY}", {KEY: KEY[:12]}], "version": KEY, "id": f"r-{KEY}", "p": 0.5,
        "why": [{"feature": KEY, "contribution": 1, "label": KEY, "value": KEY, "text": KEY}],
    }  # fmt: skip
    make_connection(address=model.url, secret_name="RISK_KEY", options=options)
    inference = infer()
    shown = f"{inference}{json.dumps(inference.provenance.as_json())}"
    assert KEY not in shown
    assert KEY[:12] not in shown
    assert "•••" in inference.provenance.version


@pytest.mark.parametrize("status", [200, 400, 500, 302])
def test_a_secret_in_an_error_is_masked(model: ModelServer, status: int) -> None:
    keep_secret("connection:risk")
    model.status, model.answer = status, {"error": f"bad key {KEY}"}
    model.headers = {"Location": f"http://elsewhere.example/?{KEY}"}
    make_connection(address=model.url, secret_name="RISK_KEY")
    failed = failure()
    assert KEY not in f"{failed.message}{failed.detail}{failed.provenance}"
    assert KEY not in f"{failed.__cause__}{failed.args}"


def test_a_secret_in_an_unfit_answer_is_masked_in_page_and_ledger(model: ModelServer) -> None:
    keep_secret("connection:risk")
    model.answer = {"score": KEY}
    contract = {"properties": {"score": {"type": "number"}}}
    row = make_connection(
        address=model.url, secret_name="RISK_KEY", output_schema=contract
    )  # fmt: skip
    trial = try_connection(connection=row, sample={}, actor=ACTOR, now=timezone.now())
    assert "•••" in trial.error
    entry = Entry.objects.get(action="connection.tried")
    assert "•••" in str(entry.payload.body)
    assert KEY not in f"{trial}{entry.payload.body}"


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.7:8080/",
        "http://[::1]:8080/",
        "http://127.0.0.1:1/",
        "http://2130706433/",
        "http://model.example@10.0.0.7/",
        "file:///etc/passwd",
        "ftp://model.example/",
    ],
)
def test_an_address_inside_is_not_called_even_if_it_was_saved(settings: Any, address: str) -> None:
    settings.OUTGOING_ALLOWLIST = ["*"]
    make_connection(address=address)
    assert failure().kind == "refused"


def test_a_path_of_the_adapter_leads_to_no_other_host(model: ModelServer) -> None:
    from flows.connections.exchange import join_address

    for path in ("//evil.example/x", "http://evil.example/", "@evil.example/", "\\\\evil.example"):
        assert join_address("http://m.example/v2", path).startswith("http://m.example/v2/")


def test_a_redirect_is_not_followed(model: ModelServer) -> None:
    model.status, model.answer = 307, {}
    model.headers = {"Location": f"http://{model.address}/elsewhere"}
    make_connection(address=model.url)
    failed = failure()
    assert (failed.kind, failed.retryable) == ("redirect", False)
    assert [each.path for each in model.asked] == ["/predict"]


def test_an_answer_without_end_is_left_and_was_paid_for(model: ModelServer) -> None:
    model.misbehave = flood
    make_connection(address=model.url, price_call=2)
    failed = failure()
    assert (failed.kind, failed.retryable) == ("too_large", False)
    assert "max_bytes" not in failed.message
    assert failed.provenance is not None
    assert failed.provenance["cost"] == 2.0


def test_an_answer_that_trickles_ends_at_the_limit_of_the_connection(model: ModelServer) -> None:
    model.misbehave = trickle
    make_connection(address=model.url, timeout_seconds=0.4)
    began = time.monotonic()
    assert failure(timeout_seconds=600).kind == "timeout"
    assert time.monotonic() - began < 3


def test_a_step_may_ask_for_less_time_but_not_for_more(model: ModelServer) -> None:
    model.misbehave = trickle
    make_connection(address=model.url, timeout_seconds=60)
    assert "within 0.3 s" in failure(timeout_seconds=0.3).message


@pytest.mark.parametrize(
    ("answer", "media_type", "says"),
    [
        (b"<html>Bad gateway</html>", "text/html", "Bad gateway"),
        (b"", "application/json", "fit"),
        (b"", "text/plain", "empty"),
        (b"{", "application/json", "JSON"),
        (b'{"score": NaN}', "application/json", "JSON"),
        (b'{"a": 1, "a": 2}', "application/json", "JSON"),
        (b"[" * 100_000, "application/json", "JSON"),
        (b"\xff\xfe", "application/json", "JSON"),
        (b'{"n": 9007199254740993}', "application/json", "JSON"),
        (b'{"error": {"message": "overloaded"}}', "application/json", "overloaded"),
        (b'{"error": "x"}', "text/plain", "x"),
    ],
)
def test_an_answer_that_is_none_has_been_paid_for(
    model: ModelServer, answer: bytes, media_type: str, says: str
) -> None:
    model.answer, model.media_type = answer, media_type
    make_connection(address=model.url, price_call=0.5, options={"output_at": "score"})
    failed = failure()
    assert (failed.kind, failed.retryable) == ("contract", False)
    assert says in failed.message
    assert failed.provenance is not None
    assert failed.provenance["cost"] == 0.5
    assert failed.provenance["model"] == "risk"


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_refusal_of_the_server_is_not_counted_as_paid(model: ModelServer, status: int) -> None:
    model.status, model.answer, model.headers = status, {"detail": "no"}, {"Retry-After": "7"}
    make_connection(address=model.url, price_call=0.5)
    failed = failure()
    assert failed.kind == "http"
    assert failed.retryable == (status in {429, 500, 503})
    assert failed.retry_after_seconds == 7
    assert failed.provenance is None


def test_json_is_read_also_where_the_answer_does_not_say_that_it_is(model: ModelServer) -> None:
    model.answer, model.media_type = {"score": 0.5}, "text/plain"
    make_connection(address=model.url)
    assert infer().output == {"score": 0.5}


def test_what_a_model_answers_is_never_evaluated(model: ModelServer) -> None:
    said = {"text": "${ secrets.RISK_KEY } {{ 7*7 }} <script>alert(1)</script> {% debug %}"}
    model.answer = said
    make_connection(address=model.url)
    assert infer().output == said


def test_a_spent_budget_is_asked_before_the_server_is(model: ModelServer) -> None:
    make_connection(address=model.url)
    budget = Budget.objects.create(
        payer="connection", name="risk", period="day", amount=1, changed_at=timezone.now()
    )
    Spent.objects.create(payer="connection", name="risk", day=timezone.now().date(), cost=1)
    known_budgets.forget()
    failed = failure()
    assert (failed.kind, failed.retryable) == ("budget", False)
    assert model.asked == []
    budget.delete()
    known_budgets.forget()
    infer()
