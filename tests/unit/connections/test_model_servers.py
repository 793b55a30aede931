"""What each kind of model server is sent, and where an answer of it is found to be wrong."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from flows.connections.adapters.contract import AnswerUnfit, Call, Endpoint, find_adapter
from flows.steps.models import InferenceRequest, InputRefused, Reason
from tests.models.asking import make_endpoint

Json = Any
AMOUNT = {"name": "amount"}
PURPOSE = {"name": "purpose", "datatype": "BYTES"}
PROBABILITIES = {"name": "predict_proba", "shape": [1, 2], "datatype": "FP64", "data": [0.2, 0.8]}


def open_endpoint(kind: str, **options: Json) -> tuple[Any, Endpoint]:
    return make_endpoint(kind, "http://127.0.0.1", options)


def ask(
    kind: str, given: Json, *, parameters: Mapping[str, Json] | None = None, **options: Json
) -> Call:
    adapter, endpoint = open_endpoint(kind, **options)
    made = adapter.make_call(endpoint, InferenceRequest("scorecard", given, parameters or {}))
    assert isinstance(made, Call)
    return made


def ask_many(kind: str, given: list[Json], **options: Json) -> Call:
    adapter, endpoint = open_endpoint(kind, **options)
    made = adapter.make_batch_call(endpoint, [InferenceRequest("m", each) for each in given])
    assert isinstance(made, Call)
    return made


def read(kind: str, body: Json, given: Json = None, **options: Json) -> Any:
    adapter, endpoint = open_endpoint(kind, **options)
    return adapter.read(endpoint, InferenceRequest("scorecard", given), body)


def refuse(kind: str, body: Json, **options: Json) -> tuple[str, str]:
    """Return the field and the message with which the answer is unfit."""
    with pytest.raises(AnswerUnfit) as unfit:
        read(kind, body, **options)
    return unfit.value.field, str(unfit.value)


# --- The Open Inference Protocol ------------------------------------------------------


def test_each_feature_is_a_tensor_of_its_own() -> None:
    made = ask("oip", {"amount": 900, "purpose": "car", "age": 3}, features=[PURPOSE, AMOUNT])
    assert made.path == "/v2/models/scorecard/infer"
    assert made.body == {
        "id": "scorecard",
        "inputs": [
            {"name": "purpose", "shape": [1, 1], "datatype": "BYTES", "data": ["car"]},
            {"name": "amount", "shape": [1, 1], "datatype": "FP64", "data": [900]},
        ],
    }


def test_one_tensor_has_all_features_in_their_order() -> None:
    features = [{"name": "b"}, {"name": "a"}]
    made = ask_many("oip", [{"a": 1, "b": 2}, {"b": 4, "a": 3}], features=features, tensor="x")
    assert made.body["inputs"] == [
        {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [2, 1, 4, 3]}
    ]


def test_lists_keep_their_shape() -> None:
    made = ask("oip", {"amount": [[1, 2, 3], [4, 5, 6]]}, features=[AMOUNT])
    assert made.body["inputs"][0]["shape"] == [1, 2, 3]
    assert made.body["inputs"][0]["data"] == [1, 2, 3, 4, 5, 6]


def test_a_model_without_a_batch_dimension_takes_one_input_a_call() -> None:
    made = ask("oip", {"amount": 9}, features=[AMOUNT], batched=False)
    assert made.body["inputs"][0]["shape"] == [1]
    with pytest.raises(InputRefused, match="one input a call"):
        ask_many("oip", [{"amount": 9}, {"amount": 8}], features=[AMOUNT], batched=False)
    answer = {"outputs": [{**PROBABILITIES, "shape": [2]}]}
    found = read("oip", answer, features=[AMOUNT], batched=False)
    assert found.output == {"predict_proba": [0.2, 0.8]}


def test_version_outputs_parameters_and_id_are_asked_for() -> None:
    adapter, endpoint = open_endpoint("oip", features=[AMOUNT], outputs=["p"], version="3/x")
    request = InferenceRequest("m", {"amount": 1}, {"content_type": "pd"}, idempotency_key="run-1")
    made = adapter.make_call(endpoint, request)
    assert made.path == "/v2/models/scorecard/versions/3%2Fx/infer"
    assert made.body["outputs"] == [{"name": "p"}]
    assert made.body["parameters"] == {"content_type": "pd"}
    assert made.body["id"] == "run-1"


@pytest.mark.parametrize(
    ("given", "datatype", "words"),
    [
        ({}, "FP64", "is missing"),
        ({"amount": "12"}, "FP64", "must be a number"),
        ({"amount": True}, "FP64", "must be a number"),
        ({"amount": None}, "INT32", "must be a whole number"),
        ({"amount": 1.5}, "INT64", "must be a whole number"),
        ({"amount": 128}, "INT8", "must be a whole number"),
        ({"amount": -1}, "UINT8", "must be a whole number"),
        ({"amount": 1}, "BOOL", "must be true or false"),
        ({"amount": 1}, "BYTES", "must be text"),
        ({"amount": [[1, 2], [3]]}, "FP64", "not of one length"),
        ({"amount": [1, [2]]}, "FP64", "not of one length"),
    ],
)
def test_an_input_of_another_type_is_refused_by_name(
    given: Json, datatype: str, words: str
) -> None:
    with pytest.raises(InputRefused, match=words) as refused:
        ask("oip", given, features=[{"name": "amount", "datatype": datatype}])
    assert refused.value.field == "amount"


@pytest.mark.parametrize("kind", ["oip", "mlflow"])
def test_inputs_of_one_call_have_the_same_parameters(kind: str) -> None:
    options = {"features": [AMOUNT]} if kind == "oip" else {}
    adapter, endpoint = open_endpoint(kind, **options)
    asked = [InferenceRequest("m", {"amount": 1}, {"top": top}) for top in (1, 2)]
    with pytest.raises(InputRefused) as refused:
        adapter.make_batch_call(endpoint, asked)
    assert refused.value.field == "parameters"


def test_a_whole_number_is_sent_as_one() -> None:
    made = ask("oip", {"amount": 12.0}, features=[{"name": "amount", "datatype": "INT32"}])
    assert str(made.body["inputs"][0]["data"]) == "[12]"


def test_nested_data_is_read_as_flat_data_is() -> None:
    nested = {**PROBABILITIES, "data": [[0.2, 0.8]]}
    for each in (PROBABILITIES, nested):
        found = read(
            "oip",
            {"outputs": [each], "model_version": "7", "id": "a1"},
            features=[AMOUNT],
            confidence={"how": "margin", "path": "predict_proba"},
        )
        assert found.output == {"predict_proba": [0.2, 0.8]}
        assert found.confidence == pytest.approx(0.6)
        assert (found.version, found.request_id) == ("7", "a1")


def test_contributions_of_features_are_reasons_with_the_values_sent() -> None:
    contributions = {"name": "why", "shape": [1, 2], "datatype": "FP32", "data": [0.5, -1]}
    found = read(
        "oip",
        {"outputs": [contributions]},
        {"amount": 900, "purpose": "car"},
        features=[AMOUNT, PURPOSE],
        reasons_at="why",
    )
    assert found.reasons == [
        Reason("amount", "amount", 900, 0.5),
        Reason("purpose", "purpose", "car", -1.0),
    ]


@pytest.mark.parametrize(
    ("tensor", "field"),
    [
        ([], "outputs.0"),
        ({**PROBABILITIES, "name": 3}, "outputs.0.name"),
        ({**PROBABILITIES, "shape": [2, 1]}, "outputs.0.shape"),
        ({**PROBABILITIES, "shape": [2]}, "outputs.0.shape"),
        ({**PROBABILITIES, "shape": []}, "outputs.0.data"),
        ({**PROBABILITIES, "shape": [1, 3]}, "outputs.0.data"),
        ({**PROBABILITIES, "shape": [1, -2]}, "outputs.0.shape"),
        ({**PROBABILITIES, "shape": [1, 2.0]}, "outputs.0.shape"),
        ({**PROBABILITIES, "shape": [1] * 33}, "outputs.0.shape"),
        ({**PROBABILITIES, "shape": "1,2"}, "outputs.0.shape"),
        ({**PROBABILITIES, "datatype": "FLOAT"}, "outputs.0.datatype"),
        ({**PROBABILITIES, "datatype": ["FP64"]}, "outputs.0.datatype"),
        ({**PROBABILITIES, "datatype": "INT64"}, "outputs.0.data.0"),
        ({**PROBABILITIES, "data": ["0.2", "0.8"]}, "outputs.0.data.0"),
        ({**PROBABILITIES, "data": [0.2, "NaN"]}, "outputs.0.data.1"),
        ({**PROBABILITIES, "data": [0.2, None]}, "outputs.0.data.1"),
        ({**PROBABILITIES, "data": [0.2, float("inf")]}, "outputs.0.data.1"),
        ({**PROBABILITIES, "data": [[0.2], [0.4, 0.4]]}, "outputs.0.data"),
        ({**PROBABILITIES, "data": {"0": 0.2}}, "outputs.0.data"),
        ({**PROBABILITIES, "data": [0.2]}, "outputs.0.data"),
    ],
)
def test_a_tensor_that_is_none_is_unfit_where_it_is_wrong(tensor: Json, field: str) -> None:
    assert refuse("oip", {"outputs": [tensor]}, features=[AMOUNT])[0] == field


def test_a_shape_without_values_makes_no_lists() -> None:
    empty = {"name": "boxes", "shape": [1, 2**50, 0], "datatype": "FP32", "data": []}
    assert read("oip", {"outputs": [empty]}, features=[AMOUNT]).output == {"boxes": []}


def test_fewer_outputs_than_asked_for_are_unfit() -> None:
    field, message = refuse(
        "oip", {"outputs": [PROBABILITIES]}, features=[AMOUNT], outputs=["predict_proba", "class"]
    )
    assert (field, message) == ("outputs", "class is missing (there are ['predict_proba'])")


def test_two_outputs_of_one_name_are_unfit() -> None:
    doubled = {"outputs": [PROBABILITIES, PROBABILITIES]}
    assert refuse("oip", doubled, features=[AMOUNT])[0] == "outputs.1.name"


def test_another_number_of_answers_than_inputs_is_unfit() -> None:
    adapter, endpoint = open_endpoint("oip", features=[AMOUNT])
    asked = [InferenceRequest("m", {"amount": each}) for each in range(3)]
    with pytest.raises(AnswerUnfit) as unfit:
        adapter.read_batch(endpoint, asked, {"outputs": [PROBABILITIES]})
    assert unfit.value.field == "outputs.0.shape"


def test_features_are_chosen_once_and_one_tensor_has_one_datatype() -> None:
    with pytest.raises(ValidationError, match="one name"):
        open_endpoint("oip", features=[AMOUNT, AMOUNT])
    with pytest.raises(ValidationError, match="one datatype"):
        open_endpoint("oip", features=[AMOUNT, PURPOSE], tensor="x")
    with pytest.raises(ValidationError):
        open_endpoint("oip", features=[])


# --- MLflow ---------------------------------------------------------------------------


def test_mlflow_takes_a_data_frame_and_parameters() -> None:
    made = ask(
        "mlflow", {"a": 1, "b": "x", "c": 2}, columns=["b", "a"], parameters={"threshold": 0.5}
    )
    assert made.path == "/invocations"
    assert made.body == {
        "dataframe_split": {"columns": ["b", "a"], "data": [["x", 1]]},
        "params": {"threshold": 0.5},
    }


def test_mlflow_is_sent_all_values_where_no_columns_are_chosen() -> None:
    made = ask_many("mlflow", [{"a": 1, "b": 2}, {"b": 4, "a": 3}])
    assert made.body["dataframe_split"] == {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}
    with pytest.raises(InputRefused) as refused:
        ask_many("mlflow", [{"a": 1, "b": 2}, {"a": 3}])
    assert refused.value.field == "b"


def test_mlflow_gives_a_number_a_list_or_an_object_a_row() -> None:
    assert read("mlflow", {"predictions": [1]}).output == {"prediction": 1}
    assert read("mlflow", {"predictions": [[0.2, 0.8]]}).output == {"prediction": [0.2, 0.8]}
    assert read("mlflow", {"predictions": [{"good": 0.8}]}).output == {"good": 0.8}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "predictions"),
        ({"predictions": {"0": 1}}, "predictions"),
        ({"predictions": []}, "predictions"),
        ({"predictions": [1, 2]}, "predictions"),
        ({"predictions": [None]}, "predictions.0"),
    ],
)
def test_mlflow_answers_one_prediction_an_input(body: Json, field: str) -> None:
    assert refuse("mlflow", body)[0] == field


# --- BentoML, Ray Serve, TorchServe ---------------------------------------------------


def test_keys_of_bentoml_are_parameters_of_the_endpoint() -> None:
    one = ask("bentoml", {"a": 1}, parameters={"top": 3}, parameter="application")
    assert (one.path, one.body) == ("/predict", {"application": {"a": 1}, "top": 3})
    each = ask("bentoml", {"a": 1}, route="/v1/score")
    assert (each.path, each.body) == ("/v1/score", {"a": 1})
    with pytest.raises(InputRefused) as refused:
        ask("bentoml", {"top": 1}, parameters={"top": 3})
    assert refused.value.field == "top"


def test_ray_serve_and_torchserve_are_sent_the_input_as_it_is() -> None:
    assert ask("ray_serve", [1, 2], route="/score") == Call("/score", [1, 2])
    made = ask("ray_serve", {"a": 1}, parameters={"top": 3}, parameters_key="options")
    assert made.body == {"a": 1, "options": {"top": 3}}
    assert ask("torchserve", {"a": 1}) == Call("/predictions/scorecard", {"a": 1})
    assert ask("torchserve", {"a": 1}, version="2.0").path == "/predictions/scorecard/2.0"


def test_the_envelope_of_torchserve_holds_one_instance() -> None:
    assert ask("torchserve", {"a": 1}, envelope="instances").body == {"instances": [{"a": 1}]}
    found = read("torchserve", {"predictions": [{"good": 0.8}]}, envelope="instances")
    assert found.output == {"good": 0.8}
    wrong: Json
    for wrong in ({}, {"predictions": {}}, {"predictions": []}, {"predictions": [1, 2]}):
        assert refuse("torchserve", wrong, envelope="instances")[0] == "predictions"


@pytest.mark.parametrize("kind", ["bentoml", "ray_serve", "torchserve"])
def test_an_answer_of_the_services_own_is_read_by_paths(kind: str) -> None:
    answer = {
        "result": {
            "probabilities": {"good": 0.75, "bad": 0.25},
            "why": [{"feature": "amount", "label": "Amount", "contribution": 2}],
            "model": {"version": 4},
            "id": "a1",
        }
    }
    found = read(
        kind,
        answer,
        {"amount": 900},
        output_at="result",
        confidence={"how": "top_class", "path": "probabilities"},
        reasons_at="why",
        version_at="model.version",
        request_id_at="id",
    )
    assert found.output == answer["result"]
    assert (found.confidence, found.version, found.request_id) == (0.75, "4", "a1")
    assert found.reasons == [Reason("amount", "Amount", 900, 2.0)]


@pytest.mark.parametrize("kind", ["bentoml", "ray_serve", "torchserve"])
def test_a_value_needs_a_name(kind: str) -> None:
    assert read(kind, 0.75, value_name="good").output == {"good": 0.75}
    assert read(kind, [0.5], value_name="good").output == {"good": [0.5]}
    assert refuse(kind, [0.5]) == ("", "an object is promised (it is [0.5])")
    assert refuse(kind, {"result": "0.5"}, output_at="result")[0] == "result"


@pytest.mark.parametrize(
    ("confidence", "field"),
    [
        ({"how": "field", "path": "score"}, "score"),
        ({"how": "field", "path": "missing"}, "missing"),
        ({"how": "field", "path": "text"}, "text"),
        ({"how": "field", "path": "yes"}, "yes"),
        ({"how": "top_class", "path": "empty"}, "empty"),
        ({"how": "margin", "path": "text"}, "text"),
        ({"how": "margin", "path": "logits"}, "logits"),
    ],
)
def test_a_confidence_that_is_none_is_unfit(confidence: Json, field: str) -> None:
    answer = {"score": 1.5, "text": "0.5", "yes": True, "empty": [], "logits": [3.5, -2.0]}
    assert refuse("bentoml", answer, confidence=confidence)[0] == field


def test_single_precision_may_go_past_one_by_its_rounding() -> None:
    options = {"how": "top_class", "path": "p"}
    assert read("bentoml", {"p": [1.0000001192092896, 0]}, confidence=options).confidence == 1
    assert refuse("bentoml", {"p": [1.00001, 0]}, confidence=options)[0] == "p"


def test_a_name_with_dots_is_found() -> None:
    answer = {"model.out:0": [0.75, 0.25], "model": {"out": 1}}
    options = {"how": "top_class", "path": "model.out:0"}
    assert read("bentoml", answer, confidence=options).confidence == 0.75


@pytest.mark.parametrize("route", ["predict", "/a/../b", "/..", "/a b", "/a?b=1", "//", "/%2e%2e"])
def test_a_route_is_a_plain_path(route: str) -> None:
    with pytest.raises(ValidationError):
        open_endpoint("ray_serve", route=route)


# --- Every kind -----------------------------------------------------------------------

KINDS = ("bentoml", "mlflow", "oip", "ray_serve", "torchserve")


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_goes_into_the_header_alone(kind: str) -> None:
    options = {"features": [AMOUNT]} if kind == "oip" else {}
    adapter, endpoint = make_endpoint(kind, "http://127.0.0.1", options, secret="s3cret")
    made = adapter.make_call(endpoint, InferenceRequest("m", {"amount": 1}))
    health = adapter.make_health_call(endpoint)
    assert health is not None
    for call in (made, health):
        assert call.headers == {"Authorization": "Bearer s3cret"}
        assert "s3cret" not in f"{call.path} {call.query} {call.body}"


@pytest.mark.parametrize("kind", KINDS)
def test_each_option_has_a_title(kind: str) -> None:
    adapter = find_adapter(kind)
    assert adapter is not None
    assert adapter.title
    assert adapter.summary
    for field in adapter.Options.model_fields.values():
        assert field.title


@pytest.mark.parametrize("kind", ["mlflow", "oip"])
def test_an_input_without_names_is_refused(kind: str) -> None:
    options: dict[str, Any] = {"features": [AMOUNT]} if kind == "oip" else {}
    with pytest.raises(InputRefused, match="an object of named values"):
        ask(kind, [1, 2], **options)
