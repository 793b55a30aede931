"""Local models of ONNX files: the same decisions, clear refusals, many inputs at once."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper, save

from flows.steps.base import StepFailure
from flows.steps.functions import UnknownFunction, load_functions
from flows.steps.infer import ModelInfer
from flows.steps.models import LOCAL, Inference, InferenceRequest, InputRefused, LocalProvider
from flows.steps.onnx import OnnxModel, OnnxRuntimeMissing
from flows.steps.reading import Confidence
from tests.models.comparing import Answer, compare
from tests.models.factors import CARD, CODES, FACTORS, list_applications
from tests.models.onnx_scorecard import IR_VERSION, OPSET, write_scorecard
from tests.unit.steps.contexts import context

TOP_CLASS = Confidence(how="top_class", path="probabilities")
CONTRACT = {"properties": {name: {"enum": list(values)} for name, values in CODES.items()}}


def load(path: Path, **declared: Any) -> OnnxModel:
    return OnnxModel.load(
        path, **{"name": "risk", "features": FACTORS, "confidence": TOP_CLASS, **declared}
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "risk.onnx"
    write_scorecard(CARD, path)
    return path


@pytest.fixture
def provider(path: Path) -> LocalProvider:
    provider = LocalProvider()
    provider.register(load(path, input_schema=CONTRACT))
    return provider


def request(values: Any, key: str = "run-1") -> InferenceRequest:
    return InferenceRequest("risk", values, idempotency_key=key)


def write(path: Path, *, operator: str, kind: int, dimensions: list[Any]) -> None:
    """Write a model of one operator, from ``x`` to ``y``."""
    node = helper.make_node(operator, ["x"], ["y"])
    x, y = (helper.make_tensor_value_info(name, kind, dimensions) for name in "xy")
    graph = helper.make_graph([node], "small", [x], [y])
    opsets = [helper.make_opsetid("", OPSET)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION), str(path))


def test_an_onnx_file_gives_the_same_700_decisions(provider: LocalProvider) -> None:
    def answer(values: dict[str, Any]) -> Answer:
        inference = provider.infer(request(values))
        return inference.output["probabilities"][1], inference.confidence

    _, furthest = compare(answer)
    assert furthest < 1e-6


def test_700_at_once_are_decided_as_one_by_one(provider: LocalProvider) -> None:
    asked = [request(values, str(at)) for at, values in enumerate(list_applications())]
    assert provider.takes_many("risk")
    together = iter(provider.infer_many(asked))

    def answer(_: dict[str, Any]) -> Answer:
        inference = next(together)
        assert isinstance(inference, Inference)
        assert inference.provenance.batch["size"] == len(asked)
        return inference.output["probabilities"][1], inference.confidence

    compare(answer)


def test_a_file_for_one_input_is_run_for_each_of_many(tmp_path: Path) -> None:
    path = tmp_path / "one.onnx"
    write_scorecard(CARD, path, batch=1)
    model, many = load(path), list_applications()[:3]
    assert list(model.predict_many(many)) == [model.predict(each) for each in many]


def test_the_version_is_the_digest_of_the_file(path: Path, provider: LocalProvider) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    made = provider.infer(request(list_applications()[0])).provenance
    assert (made.digest, made.version) == (digest, digest[:12])
    assert load(path, version="2027-01").version == "2027-01"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"purpose": "a boat"}, "purpose", "boat"),
        ({"purpose": 3}, "purpose", "3"),
        ({FACTORS[0]: [1, 2]}, FACTORS[0], ""),
        ({FACTORS[0]: None}, FACTORS[0], ""),
        ({"amount": True}, "amount", "must be a number"),
        ({"amount": "much"}, "amount", "must be a number"),
        ({"amount": [[1.0], [2.0, 3.0]]}, "amount", "one length"),
        ({"amount": [1.0, 2.0]}, "amount", "must have the shape"),
        ({"amount": 10**400}, "amount", "at most"),
    ],
)
def test_an_input_that_breaks_the_contract_is_refused_by_its_field(
    provider: LocalProvider, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        provider.infer(request({**list_applications()[0], **changes}))
    assert refused.value.field == field
    assert words in str(refused.value)


def test_a_missing_feature_is_refused(provider: LocalProvider) -> None:
    values = dict(list_applications()[0])
    del values["amount"]
    with pytest.raises(InputRefused, match="is missing"):
        provider.infer(request(values))


def test_an_input_that_is_refused_fails_alone_among_many(provider: LocalProvider) -> None:
    first, second, third = list_applications()[:3]
    outcomes = provider.infer_many(
        [request(first), request({**second, "purpose": "a boat"}), request(third)]
    )
    assert [type(each) for each in outcomes] == [Inference, InputRefused, Inference]
    assert outcomes[2].output == provider.infer(request(third)).output


def test_an_output_that_is_no_number_or_breaks_the_contract_is_a_failure(
    tmp_path: Path, path: Path
) -> None:
    write(tmp_path / "log.onnx", operator="Log", kind=TensorProto.DOUBLE, dimensions=["n", 1])
    log = load(tmp_path / "log.onnx", features=["x"], confidence=Confidence())
    assert log.predict({"x": 1.0}) == ({"y": [0.0]}, None, ())
    for failure in (
        log.predict_many([{"x": 0.0}])[0],
        load(path, output_schema={"required": ["label"]}).predict_many(list_applications()[:1])[0],
        load(path, confidence=Confidence(how="field", path="p")).predict_many(
            list_applications()[:1]
        )[0],
    ):
        assert isinstance(failure, StepFailure)
        assert (failure.kind, failure.retryable) == ("contract", False)
        assert failure.detail["errors"]


def test_one_tensor_takes_the_features_in_their_order(tmp_path: Path) -> None:
    write(tmp_path / "f.onnx", operator="Neg", kind=TensorProto.FLOAT, dimensions=["n", 2])
    model = load(tmp_path / "f.onnx", features=["b", "a"], confidence=Confidence())
    assert model.predict({"a": 1, "b": 2.5}) == ({"y": [-2.5, -1.0]}, None, ())
    many = model.predict_many([{"a": 1, "b": 2}, {"a": 1e300, "b": 2}, {"a": 3, "b": 4}])
    assert [type(each) for each in many] == [tuple, InputRefused, tuple]


def test_whole_numbers_are_taken_as_such(tmp_path: Path) -> None:
    write(tmp_path / "i.onnx", operator="Abs", kind=TensorProto.INT8, dimensions=["n"])
    model = load(tmp_path / "i.onnx", features=["x"], confidence=Confidence())
    assert model.predict({"x": -3.0})[0] == {"y": 3}
    for wrong in (0.5, 300, False, "1"):
        with pytest.raises(InputRefused):
            model.predict({"x": wrong})


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"features": ["amount"]}, "has the inputs"),
        ({"outputs": ["label"]}, "it has probabilities"),
    ],
)
def test_a_declaration_that_the_file_does_not_keep_is_refused(
    path: Path, declared: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        load(path, **declared)


def test_another_number_of_features_than_the_tensor_has_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "f.onnx", operator="Neg", kind=TensorProto.FLOAT, dimensions=["n", 2])
    with pytest.raises(ValueError, match="takes 2 features"):
        load(tmp_path / "f.onnx", features=["a", "b", "c"])


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="is no ONNX model"):
        load(tmp_path / "no.onnx")


def test_a_step_asks_it_as_any_other_model(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOCAL, "_models", {})
    LOCAL.register(load(path))
    step = ModelInfer()
    config = step.Config(model="risk", input=list_applications()[0])
    result: Any = step.run(context(), config)
    assert result.output["confidence"] == pytest.approx(
        max(result.output["prediction"]["probabilities"])
    )
    assert result.provenance["digest"]


def test_without_onnx_runtime_the_refusal_says_what_to_install(
    path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(OnnxRuntimeMissing, match=r"countersign\[onnx\]"):
        load(path)
    (tmp_path / "own_onnx_models.py").write_text(
        "from pathlib import Path\n"
        "from flows.steps.onnx import OnnxModel\n"
        f"OnnxModel.load(Path({str(path)!r}), name='risk', features=['x'])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    settings.STEP_MODULES = ["own_onnx_models"]
    with pytest.raises(UnknownFunction, match="need the package onnxruntime"):
        load_functions()
