"""Runs whose steps ask a language model through a connection, on the real engine."""

import base64
import io
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image

from flows.connections.trying import try_connection
from flows.models import Flow, Journal, Run
from flows.runtime.artifacts import store_artifact
from flows.runtime.held import give_artifacts
from flows.runtime.labels import Label
from flows.selectors.problems import list_problems
from flows.spending.models import Charge
from tests.driving import driving, ended, journal, start
from tests.factories.connections import make_connection
from tests.factories.pdf import make_pdf
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.integration.language.test_chat import SCHEMA
from tests.language_server import LanguageServer, Turn
from workbench.values.schemas import make_validator

pytestmark = pytest.mark.django_db(transaction=True)
PRICES = {"price_input": "0.5", "price_output": "1.5"}


def publish_asking(*edges: str, retry: Any = None, **config: Any) -> Flow:
    ask = {"type": "llm.chat", "model": "support", "user": "Which team? ${ input.text }", **config}
    if retry:
        ask["retry"] = retry
    return publish_flow(*(edges or ("ask -> after", "ask.error -> failed")), ask=ask)


def play(flow: Flow, *inputs: Any) -> list[Run]:
    runs = [start(flow, given) for given in inputs]
    with driving():
        return [ended(run) for run in runs]


def row_of(run: Run, kind: str = "step.finished") -> Journal:
    return Journal.objects.get(run_id=run.pk, kind=kind, step="ask")


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_run_journals_the_answer_with_who_gave_it_and_its_cost(
    server: LanguageServer, kind: str
) -> None:
    make_connection("support", kind=kind, address=server.url, served_as="big", **PRICES)
    (run,) = play(publish_asking(schema=SCHEMA, temperature=0.5), {"text": "My card is gone"})
    assert run.status == "completed", run.error
    row = row_of(run)
    assert make_validator(SCHEMA).is_valid(row.data["answer"])
    made: Any = row.provenance
    assert (made["provider"], made["model"], made["version"]) == (
        "connection",
        "support",
        "big-tests-1",
    )
    assert made["parameters"] == {"temperature": 0.5}
    tokens = made["input_tokens"], made["output_tokens"]
    assert made["cost"] == pytest.approx((tokens[0] * 0.5 + tokens[1] * 1.5) / 1000)
    assert made["finish_reason"] == "stop"


def test_200_answers_fit_their_schema_or_leave_by_the_error_port(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url)
    server.script("talks", Turn(text="The cards team."), Turn())
    server.script("rambles", Turn(text="The cards team."))
    server.script("breaks", Turn(json={"team": "cards", "amount": -1}))
    server.script("refuses", Turn(refusal="No."))
    server.script("is cut", Turn(text='{"team"', finish="length"))
    server.script("says nothing", Turn(text=""))
    server.script("is broken", Turn(raw=b"<html>"))
    odd = {
        "talks": None, "rambles": "contract", "breaks": "contract", "refuses": "refused_by_model",
        "is cut": "cut", "says nothing": "empty", "is broken": "contract",
    }  # fmt: skip
    words = [*odd] * 10 + ["is well"] * 130
    runs = play(
        publish_asking(schema=SCHEMA), *({"text": f"{at} {word}"} for at, word in enumerate(words))
    )
    ends: Counter[str] = Counter()
    for run, word in zip(runs, words, strict=True):
        assert run.status == "completed", run.error
        if odd.get(word):
            assert row_of(run, "step.failed").data["kind"] == odd[word]
            assert "step.finished failed" in journal(run)
        else:
            assert make_validator(SCHEMA).is_valid(row_of(run).data["answer"])
            assert "step.finished after" in journal(run)
        ends[odd.get(word) or "fits"] += 1
    assert ends == {"fits": 140, "contract": 30, "refused_by_model": 10, "cut": 10, "empty": 10}
    repaired = 30  # talks, rambles, breaks
    assert sum(server.requests.values()) == 200 + repaired
    assert set(server.requests.values()) == {1}, "no call was made twice"


def test_a_busy_server_is_asked_again_after_what_it_says(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url)
    server.script("gone", Turn(status=429, headers={"Retry-After": "1"}, times=2), Turn())
    retry = {"max_attempts": 3, "initial_seconds": 0.01, "jitter": 0}
    (run,) = play(publish_asking(schema=SCHEMA, retry=retry), {"text": "My card is gone"})
    assert run.status == "completed", run.error
    rows = Journal.objects.filter(run_id=run.pk, kind="step.retrying")
    assert [row.data["kind"] for row in rows] == ["http", "http"]
    times = [*rows.values_list("at", flat=True), row_of(run).at]
    assert all((b - a).total_seconds() >= 1 for a, b in pairwise(times))
    (key,) = server.requests
    assert (server.requests[key], server.answered[key]) == (3, 1)


def test_what_a_failed_answer_cost_is_journaled(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url, **PRICES)
    server.script("gone", Turn(text="cards"))
    (run,) = play(publish_asking(schema=SCHEMA), {"text": "My card is gone"})
    made: Any = row_of(run, "step.failed").provenance
    assert made["cost"] > 0
    assert made["cost"] == pytest.approx(sum(call["cost"] for call in made["charges"]))
    assert [call["call"] for call in made["charges"]] == ["1", "repair"]


def test_a_flow_without_the_right_asks_nobody(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url, flows=["another"])
    (run,) = play(publish_asking(), {"text": "My card is gone"})
    assert row_of(run, "step.failed").data["kind"] == "config"
    assert not server.requests


def test_a_run_sends_the_files_that_it_holds_and_no_others(server: LanguageServer) -> None:
    make_connection("support", kind="anthropic", address=server.url)
    now = timezone.now()
    kept = store_artifact(content=b"\x89PNG", media_type="image/png", name="a.png", now=now)
    flow = publish_asking(files=["${ input.file }"])
    named = f"artifact:{kept['artifact']}"
    held, not_held = (start(flow, {"text": "", "file": named}) for _ in range(2))
    give_artifacts(held.pk, {kept["artifact"]: Label("a.png", "image/png")})
    with driving():
        ended(held)
        ended(not_held)
    assert row_of(held).data["finish"] == "stop"
    failed = row_of(not_held, "step.failed").data
    assert failed["kind"] == "artifact"
    (body,) = server.bodies
    source = body["messages"][0]["content"][0]["source"]
    assert source == {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_run_sends_the_chosen_pages_of_a_pdf_file_as_images(
    server: LanguageServer, kind: str
) -> None:
    make_connection("support", kind=kind, address=server.url)
    kept = store_artifact(
        content=make_pdf(3), media_type="application/pdf", name="slip.pdf", now=timezone.now()
    )
    flow = publish_asking(files=["${ input.file }"], pages="${ input.pages }")
    run = start(flow, {"text": "", "file": kept["artifact"], "pages": "2-"})
    give_artifacts(run.pk, {kept["artifact"]: Label("slip.pdf", "application/pdf")})
    with driving():
        ended(run)
    assert row_of(run).data["finish"] == "stop"
    (body,) = server.bodies
    *images, _ = body["messages"][0]["content"]
    assert len(images) == 2
    for each in images:
        encoded = (
            each["image_url"]["url"].partition(",")[2]
            if kind == "openai"
            else each["source"]["data"]
        )
        assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (1240, 1755)


def test_a_value_of_a_run_is_data_to_the_model(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url)
    text = "${ secrets.key } {{ x }} {name}"
    play(publish_asking(), {"text": text})
    assert server.bodies[0]["messages"] == [{"role": "user", "content": f"Which team? {text}"}]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_connection_is_tried_with_a_text(server: LanguageServer, kind: str) -> None:
    connection = make_connection("support", kind=kind, address=server.url, **PRICES)
    trial = try_connection(
        connection=connection, sample="Which team?", actor=ACTOR, now=timezone.now()
    )
    assert trial.succeeded, trial.error
    assert "You have said" in str(trial.output)
    assert trial.cost is not None
    assert trial.cost > 0
    server.script("Which team?", Turn(body={"error": {"message": "The model is overloaded."}}))
    trial = try_connection(
        connection=connection, sample="Which team?", actor=ACTOR, now=timezone.now()
    )
    assert (trial.error_kind, "The model is overloaded." in trial.error) == ("contract", True)


def test_a_judge_is_asked_only_for_flows_that_may_use_it(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url)
    make_connection("strict", kind="openai", address=server.url, flows=["another"])
    judge = {"how": "judge", "judge": "strict"}
    (run,) = play(publish_asking(schema=SCHEMA, confidence=judge), {"text": "My card is gone"})
    failed = row_of(run, "step.failed")
    assert failed.data["kind"] == "config"
    assert "strict" in failed.data["message"]
    assert failed.provenance["tokens"] > 0
    assert len(server.requests) == 1


def test_a_draft_that_names_no_such_model_has_a_problem(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url, flows=["kit"])
    make_connection("risk")
    flow = publish_asking(confidence={"how": "judge", "judge": "nobody"})

    def codes(**draft: Any) -> set[str]:
        problems = list_problems({**flow.draft, **draft})
        return {each["code"] for each in problems if each["step"] == "ask"}

    assert codes() == {"model.unknown"}
    assert codes(name="other") == {"model.unknown", "connection.not_for_this_flow"}
    flow.draft["steps"]["ask"]["with"].update(model="risk", confidence={"how": "none"})
    assert codes() == {"connection.other_kind"}


def test_each_connection_is_charged_for_its_own_calls_of_a_step(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url, **PRICES)
    make_connection("strict", kind="anthropic", address=server.url, price_call="0.25")
    server.script("gone", Turn(text="cards"), Turn(json={"team": "cards", "amount": 1}))
    server.script("You judge", Turn(json={"score": 0.5}))
    judge = {"how": "judge", "judge": "strict"}
    (run,) = play(publish_asking(schema=SCHEMA, confidence=judge), {"text": "My card is gone"})
    made: Any = row_of(run).provenance
    charged = dict(Charge.objects.filter(run_id=run.pk).values_list("connection", "cost"))
    assert set(charged) == {"support", "strict"}
    assert float(charged["strict"]) == 0.25
    assert float(sum(charged.values())) == pytest.approx(made["cost"], abs=1e-5)
    assert [each["call"] for each in made["charges"]] == ["1", "repair", "judge"]


def test_a_failed_answer_is_charged_too(server: LanguageServer) -> None:
    make_connection("support", kind="openai", address=server.url, **PRICES)
    server.script("gone", Turn(text="cards"))
    (run,) = play(publish_asking(schema=SCHEMA), {"text": "My card is gone"})
    made: Any = row_of(run, "step.failed").provenance
    (charge,) = Charge.objects.filter(run_id=run.pk)
    assert float(charge.cost) == pytest.approx(made["cost"], abs=1e-5)
    assert charge.input_tokens == made["input_tokens"]
