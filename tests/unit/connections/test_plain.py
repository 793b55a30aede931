"""Plain HTTP: how a question becomes a body, and how an answer is read."""

from typing import Any

import pytest
from pydantic import ValidationError

from flows.connections.adapters.contract import AnswerUnfit, Call, Endpoint, ModelReply
from flows.connections.adapters.plain import Plain, put_at
from flows.steps.models import InferenceRequest, InputRefused

INPUT = {"amount": 1200, "purpose": "car"}


def endpoint(secret: str = "", **options: Any) -> Endpoint:
    return Endpoint(
        "risk", "https://m.example", "", Plain.Options.model_validate(options), secret=secret
    )


def ask(given: Any = INPUT, secret: str = "", parameters: Any = None, **options: Any) -> Call:
    request = InferenceRequest("risk", given, parameters or {})
    return Plain().make_call(endpoint(secret, **options), request)


def read(answer: Any, **options: Any) -> ModelReply:
    return Plain().read(endpoint(**options), InferenceRequest("risk", INPUT), answer)


def test_the_input_is_the_whole_body_unless_a_key_is_named() -> None:
    assert ask().body == INPUT
    assert ask([1, 2]).body == [1, 2]
    assert ask(body={"user": "cs"}).body == {"user": "cs", **INPUT}
    assert ask(input_at="data.row").body == {"data": {"row": INPUT}}
    assert ask(input_at="instances.0").body == {"instances": [INPUT]}


def test_the_template_of_the_body_is_data_and_stays_as_it_was() -> None:
    template = {"data": {"kind": "${ secrets.KEY } {{ 7 * 7 }}"}, "n": 1}
    made = endpoint(body=template, input_at="data.row")
    request = InferenceRequest("risk", INPUT)
    assert Plain().make_call(made, request).body == {
        "data": {"kind": "${ secrets.KEY } {{ 7 * 7 }}", "row": INPUT},
        "n": 1,
    }
    assert made.options.body == template


def test_parameters_are_sent_only_where_a_key_is_named() -> None:
    assert ask(parameters={"threshold": 0.5}).body == INPUT
    sent = ask(parameters={"threshold": 0.5}, parameters_at="config", input_at="row").body
    assert sent == {"config": {"threshold": 0.5}, "row": INPUT}


def test_a_list_as_the_input_does_not_fit_beside_other_keys() -> None:
    with pytest.raises(InputRefused, match="must be an object"):
        ask([1], body={"user": "cs"})


def test_the_secret_goes_into_the_header_that_is_named() -> None:
    assert ask(secret="s3cret").headers == {"Authorization": "Bearer s3cret"}
    assert ask(secret="s3cret", secret_header="X-Api-Key").headers == {"X-Api-Key": "s3cret"}
    assert ask().headers == {}


@pytest.mark.parametrize("name", ["Host", "Content-Length", "connection", "X Key", "X:Key", ""])
def test_headers_that_the_client_sets_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Plain.Options.model_validate({"secret_header": name})


def test_output_confidence_reasons_and_version_are_read_at_their_paths() -> None:
    answer: dict[str, Any] = {
        "predictions": [{"label": "approve", "probabilities": [0.1, 0.7, 0.2]}],
        "why": {"income": 1.5, "late": -0.5},
        "meta": {"version": 7, "id": "r-1"},
    }
    reply = read(
        answer,
        output_at="predictions.0",
        confidence={"how": "top_class", "path": "predictions.0.probabilities"},
        reasons_at="why",
        version_at="meta.version",
        request_id_at="meta.id",
    )
    assert reply.output == answer["predictions"][0]
    assert (reply.confidence, reply.version, reply.request_id) == (0.7, "7", "r-1")
    assert [(each.feature, each.contribution) for each in reply.reasons] == [
        ("income", 1.5),
        ("late", -0.5),
    ]


def test_a_single_value_is_named_by_the_end_of_its_path() -> None:
    assert read({"result": {"score": 0.5}}, output_at="result.score").output == {"score": 0.5}
    assert read([0.5], output_at="0").output == {"value": 0.5}
    assert read(0.5).output == {"value": 0.5}


def test_an_error_in_the_body_is_a_failure_whatever_the_status() -> None:
    with pytest.raises(AnswerUnfit, match="model not loaded"):
        read({"error": "model not loaded"})
    assert read({"error": None, "score": 1}).output["score"] == 1
    assert read({"error": 0.12}, error_at="").output == {"error": 0.12}


@pytest.mark.parametrize(
    ("answer", "options", "field"),
    [
        ({}, {"output_at": "prediction"}, "prediction"),
        ({"p": 2}, {"confidence": {"how": "field", "path": "p"}}, "p"),
        ({"p": "high"}, {"confidence": {"how": "field", "path": "p"}}, "p"),
        ({"p": True}, {"confidence": {"how": "field", "path": "p"}}, "p"),
        ({"p": []}, {"confidence": {"how": "margin", "path": "p"}}, "p"),
        ({"p": [0.5, -1]}, {"confidence": {"how": "margin", "path": "p"}}, "p"),
        ({"why": 3}, {"reasons_at": "why"}, "why"),
        ({"why": [{"feature": "a"}]}, {"reasons_at": "why"}, "why.0"),
    ],
)
def test_an_answer_that_does_not_fit_names_the_place(answer: Any, options: Any, field: str) -> None:
    with pytest.raises(AnswerUnfit) as caught:
        read(answer, **options)
    assert caught.value.field == field


def test_confidence_as_a_margin_is_the_lead_over_the_second() -> None:
    margin = {"how": "margin", "path": "p"}
    assert read({"p": [0.7, 0.2, 0.1]}, confidence=margin).confidence == pytest.approx(0.5)
    assert read({"p": {"yes": 0.9, "no": 0.1}}, confidence=margin).confidence == pytest.approx(0.8)
    assert read({"p": [0.9]}, confidence=margin).confidence == 0.9


def test_putting_at_a_key_keeps_what_stands_beside_it() -> None:
    assert put_at({"a": {"b": 1}, "c": 2}, "a.d", 3) == {"a": {"b": 1, "d": 3}, "c": 2}
    assert put_at({"rows": [{"id": 1}]}, "rows.0.x", 3) == {"rows": [{"id": 1, "x": 3}]}


@pytest.mark.parametrize("path", ["a..b", ".a", "a.", "a b", "."])
def test_a_path_that_names_no_place_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        Plain.Options.model_validate({"output_at": path})
