"""A local model from an ONNX file, run in this process by ONNX Runtime.

    LOCAL.register(OnnxModel.load(
        Path("risk.onnx"), name="risk", features=["amount", "purpose"],
        outputs=["probabilities"], confidence=Confidence(how="top_class", path="probabilities"),
        input_schema={"properties": {"purpose": {"enum": ["car", "home"]}}},
    ))

Its version is the beginning of the file's SHA-256, unless it is given one. Only ``load`` needs the
package ``onnxruntime``, which the extra ``onnx`` installs.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flows.steps.base import Json, StepFailure
from flows.steps.contracts import Contract
from flows.steps.models import InputRefused, Reason
from flows.steps.reading import AnswerUnfit, Confidence, read_confidence

Answer = tuple[Mapping[str, Json], float | None, Sequence[Reason]]
VERSION_DIGITS = 12
# Datatypes of ONNX and those of numpy that hold them.
_DATATYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int8)": "int8", "tensor(int16)": "int16", "tensor(int32)": "int32",
    "tensor(int64)": "int64", "tensor(uint8)": "uint8", "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32", "tensor(uint64)": "uint64", "tensor(bool)": "bool",
    "tensor(string)": "object",
}  # fmt: skip


class OnnxRuntimeMissing(ImportError):
    """ONNX Runtime is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "ONNX models need the package onnxruntime, which is not installed. Install Countersign "
            "with its extra `onnx`: pip install 'countersign[onnx]'"
        )


class OnnxModel:
    """A model of a file. ``load`` makes it, and checks that file and declaration agree."""

    def __init__(
        self,
        session: Any,
        content: bytes,
        *,
        name: str,
        version: str,
        features: Sequence[str],
        outputs: Sequence[str],
        confidence: Confidence,
        contracts: tuple[Contract, Contract],
    ) -> None:
        self.name = name
        self.digest = hashlib.sha256(content).hexdigest()
        self.version = version or self.digest[:VERSION_DIGITS]
        self._session = session
        self._inputs = [_Tensor(each) for each in session.get_inputs()]
        self._features = tuple(features)
        self._outputs = list(outputs) or [each.name for each in session.get_outputs()]
        self._confidence = confidence
        self._takes, self._gives = contracts

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        name: str,
        features: Sequence[str],
        outputs: Sequence[str] = (),
        confidence: Confidence = Confidence(),
        input_schema: Mapping[str, Json] | None = None,
        output_schema: Mapping[str, Json] | None = None,
        version: str = "",
    ) -> "OnnxModel":
        """Read a file. ``features`` are its inputs by name; for a file with one input of another
        name, the features that stand in that tensor, in their order.

        Raises: OnnxRuntimeMissing; ValueError, where the file is no model or has other inputs.
        """
        content = path.read_bytes()
        model = cls(
            _open(content, path),
            content,
            name=name,
            version=version,
            features=features,
            outputs=outputs,
            confidence=confidence,
            contracts=(Contract(input_schema or {}), Contract(output_schema or {})),
        )
        model._check(path)
        return model

    def predict(self, values: Mapping[str, Json]) -> Answer:
        """Return each output by its name, the confidence, and no reasons.

        Raises: InputRefused; StepFailure of kind ``contract``, for an output that does not fit.
        """
        self._check_input(values)
        return self._finish(self._run([values])[0])

    def predict_many(
        self, many: Sequence[Mapping[str, Json]]
    ) -> Sequence[Answer | InputRefused | StepFailure]:
        """Return an answer for each, or why it alone has none."""
        return [_outcome(self._answer_later, prepared) for prepared in self._prepare(many)]

    # --- In and out ---------------------------------------------------------------------------

    def _prepare(self, many: Sequence[Mapping[str, Json]]) -> Sequence[Any]:
        """Return for each its output, or the error of its input: one run for all that fit."""
        refused = [_outcome(self._check_input, each) for each in many]
        fit = [each for each, why in zip(many, refused, strict=True) if why is None]
        given = iter(self._run(fit) if fit else ())
        return [next(given) if why is None else why for why in refused]

    def _answer_later(self, prepared: Any) -> Answer:
        if isinstance(prepared, Exception):
            raise prepared
        return self._finish(prepared)

    def _check_input(self, values: Mapping[str, Json]) -> None:
        """Raises: InputRefused."""
        if (fault := self._takes.find_fault(dict(values))) is not None:
            raise InputRefused(fault.field, fault.message)
        for feature, tensor in zip(self._features, self._each_tensor, strict=True):
            if feature not in values:
                raise InputRefused(feature, "is missing")
            tensor.check(feature, values[feature], in_row=self._is_one_tensor)

    def _run(self, many: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
        """Return the outputs of each. Raises: StepFailure."""
        if len(many) > 1 and not self._takes_batches:
            return [row for each in many for row in self._run([each])]
        try:
            found = self._session.run(self._outputs, self._feed(many))
        except Exception as error:
            # ONNX Runtime has an error class for each of its codes, and no common one.
            raise StepFailure(
                f"The model {self.name} failed: {error}", kind="exception", retryable=False
            ) from error
        columns = {name: _list_rows(each) for name, each in zip(self._outputs, found, strict=True)}
        for name, rows in columns.items():
            if len(rows) != len(many):
                raise self._refuse_output(name, f"has {len(rows)} rows for {len(many)} inputs")
        return [{name: rows[at] for name, rows in columns.items()} for at in range(len(many))]

    def _feed(self, many: Sequence[Mapping[str, Json]]) -> dict[str, Any]:
        if self._is_one_tensor:
            rows = [[each[feature] for feature in self._features] for each in many]
            return {self._inputs[0].name: self._inputs[0].stack(rows)}
        return {
            tensor.name: tensor.stack([each[tensor.name] for each in many])
            for tensor in self._inputs
        }

    def _finish(self, output: dict[str, Json]) -> Answer:
        for name, value in output.items():
            if not _is_finite(value):
                raise self._refuse_output(name, "is no finite number")
        if (fault := self._gives.find_fault(output)) is not None:
            raise self._refuse_output(fault.field, fault.message)
        try:
            return output, read_confidence(output, self._confidence), ()
        except AnswerUnfit as unfit:
            raise self._refuse_output(unfit.field, str(unfit)) from None

    def _refuse_output(self, field: str, message: str) -> StepFailure:
        return StepFailure(
            f"The model {self.name} answered what does not fit: `{field}` {message}.",
            kind="contract",
            retryable=False,
            detail={"errors": [{"field": field, "message": message}]},
        )

    # --- What the file has --------------------------------------------------------------------

    @property
    def _is_one_tensor(self) -> bool:
        return len(self._inputs) == 1 and list(self._features) != [self._inputs[0].name]

    @property
    def _each_tensor(self) -> "Sequence[_Tensor]":
        """The tensor in which each feature stands."""
        if self._is_one_tensor:
            return [self._inputs[0]] * len(self._features)
        named = {each.name: each for each in self._inputs}
        return [named[feature] for feature in self._features]

    @property
    def _takes_batches(self) -> bool:
        return all(not isinstance(each.shape[0], int) for each in self._inputs)

    def _check(self, path: Path) -> None:
        """Raises: ValueError, which says what the file has."""
        named = [each.name for each in self._inputs]
        given = [each.name for each in self._session.get_outputs()]
        if not self._is_one_tensor and sorted(named) != sorted(self._features):
            raise ValueError(
                f"{path} has the inputs {', '.join(named)}; the features of {self.name!r} are "
                f"{', '.join(self._features)}. Name each input, or the features of the only one."
            )
        if unknown := [each for each in self._outputs if each not in given]:
            raise ValueError(
                f"{path} has no output {', '.join(unknown)}; it has {', '.join(given)}."
            )
        for each in self._inputs:
            each.check_declared(path)
        width = self._inputs[0].shape[-1]
        if self._is_one_tensor and isinstance(width, int) and width != len(self._features):
            raise ValueError(
                f"{path} takes {width} features; {self.name!r} declares {len(self._features)}."
            )


class _Tensor:
    """An input of a file. Dimensions without a size are None or a name."""

    def __init__(self, declared: Any) -> None:
        self.name: str = declared.name
        self.shape: Sequence[int | str | None] = declared.shape
        self.type: str = declared.type

    def check_declared(self, path: Path) -> None:
        if self.type not in _DATATYPES or not self.shape:
            raise ValueError(
                f"{path} has the input {self.name} of type {self.type} and shape {self.shape}; "
                "what is taken is numbers, texts or truth values, with a dimension for the inputs."
            )

    def check(self, feature: str, value: Json, *, in_row: bool) -> None:
        """Raises: InputRefused."""
        try:
            shape, flat = _flatten(value)
        except ValueError:
            raise InputRefused(feature, "its lists are not of one length") from None
        for each in flat:
            if (wanted := self._find_fault(each)) is not None:
                raise InputRefused(feature, f"must be {wanted}, not {each!r}")
        wanted_shape = [] if in_row else list(self.shape[1:])
        # A single value stands for a row of one.
        fits = (shape == [] and wanted_shape in ([], [1])) or _fits(shape, wanted_shape)
        if not fits:
            raise InputRefused(feature, f"must have the shape {wanted_shape}, not {shape}")

    def _find_fault(self, value: Json) -> str | None:
        """Return what a single value should be, None if it is."""
        import numpy

        if self.type == "tensor(string)":
            return None if isinstance(value, str) else "text"
        if self.type == "tensor(bool)":
            return None if isinstance(value, bool) else "true or false"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "a number"
        datatype = numpy.dtype(_DATATYPES[self.type])
        if datatype.kind in "iu":
            bounds = numpy.iinfo(datatype)
            is_whole = isinstance(value, int) or value.is_integer()
            is_whole = is_whole and bounds.min <= value <= bounds.max
            return None if is_whole else f"a whole number from {bounds.min} to {bounds.max}"
        limit = float(numpy.finfo(datatype).max)
        return None if -limit <= value <= limit else f"a number of at most {limit:.3g}"

    def stack(self, values: Sequence[Json]) -> Any:
        """Return the values of all inputs as one array."""
        import numpy

        rows = numpy.array(list(values), dtype=_DATATYPES[self.type])
        return rows.reshape(len(values), 1) if rows.ndim == 1 < len(self.shape) else rows


def _open(content: bytes, path: Path) -> Any:
    """Raises: OnnxRuntimeMissing, ValueError."""
    try:
        import onnxruntime
    except ImportError as error:
        raise OnnxRuntimeMissing from error
    options = onnxruntime.SessionOptions()
    # Steps run in threads of their own; and by one thread the sums are always the same.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        # From the bytes that are digested: weights in other files are none of the model.
        return onnxruntime.InferenceSession(
            content, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ValueError(
            f"{path} is no ONNX model that can be run: {error}. Export it again, in one file."
        ) from error


def _outcome(call: Callable[[Any], Any], argument: Any) -> Any:
    """Return what the call returns, or the error that is of this argument alone."""
    try:
        return call(argument)
    except (InputRefused, StepFailure) as error:
        return error


def _flatten(value: Json) -> tuple[list[int], list[Json]]:
    """Return the shape of nested lists and what stands in them. Raises: ValueError, if ragged."""
    if not isinstance(value, list):
        return [], [value]
    parts = [_flatten(each) for each in value]
    if any(shape != parts[0][0] for shape, _ in parts):
        raise ValueError
    inner = parts[0][0] if parts else []
    return [len(value), *inner], [each for _, flat in parts for each in flat]


def _fits(shape: Sequence[int], wanted: Sequence[int | str | None]) -> bool:
    return len(shape) == len(wanted) and all(
        not isinstance(size, int) or size == given
        for given, size in zip(shape, wanted, strict=True)
    )


def _list_rows(output: Any) -> list[Json]:
    """Return an output as JSON for each input; classifiers give a mapping for each too."""
    if hasattr(output, "tolist"):
        listed = output.tolist()
        return listed if isinstance(listed, list) else [listed]
    return [
        {str(key): value for key, value in each.items()} if isinstance(each, Mapping) else each
        for each in output
    ]


def _is_finite(value: Json) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
