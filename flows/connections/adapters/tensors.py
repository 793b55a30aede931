"""Tensors of the Open Inference Protocol: name, shape, datatype, and data in row-major order."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from flows.connections.adapters.contract import AnswerUnfit
from flows.connections.adapters.wire import show
from flows.steps.models import InputRefused

Json = Any
Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "FP32", "FP64", "BYTES",
]  # fmt: skip
DATATYPES: tuple[str, ...] = get_args(Datatype)
# More than any framework has.
_MOST_DIMENSIONS = 32


class Ragged(ValueError):
    """The lists of a nested list are not of one length."""


def encode(name: str, datatype: str, values: Sequence[Json], *, batched: bool) -> dict[str, Json]:
    """Return one tensor of the values, one for each input; a single number is a row of one.

    Not ``batched``, there is one value, and no dimension for the batch. Raises: InputRefused.
    """
    try:
        shape, flat = _flatten(list(values) if batched else values[0])
    except Ragged:
        raise InputRefused(name, "its lists are not of one length") from None
    for each in flat:
        if not _fits(each, datatype):
            raise InputRefused(name, f"must be {_describe(datatype)}, not {show(each)}")
    if len(shape) == (1 if batched else 0):
        shape.append(1)
    data = [_convert(each, datatype) for each in flat]
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def decode(tensor: Json, at: str, *, inputs: int, batched: bool) -> tuple[str, list[Json]]:
    """Return a tensor's name and its value for each input. Raises: AnswerUnfit.

    ``at`` is where it stands in the answer.
    """
    if not isinstance(tensor, Mapping):
        raise AnswerUnfit(at, f"an object is promised (it is {show(tensor)})")
    name = tensor.get("name")
    if not isinstance(name, str) or not name:
        raise AnswerUnfit(f"{at}.name", f"a name is promised (it is {show(name)})")
    shape = _read_shape(tensor.get("shape"), f"{at}.shape")
    flat = _read_data(tensor, shape, at)
    if not batched:
        return name, [_fold(flat, shape)]
    if shape[:1] != [inputs]:
        raise AnswerUnfit(
            f"{at}.shape", f"the first dimension is the number of inputs, {inputs} (it is {shape})"
        )
    size = len(flat) // inputs
    rows = (flat[index * size : (index + 1) * size] for index in range(inputs))
    return name, [_fold(row, shape[1:]) for row in rows]


def _read_shape(shape: Json, at: str) -> list[int]:
    is_list = isinstance(shape, list) and len(shape) <= _MOST_DIMENSIONS
    if not is_list or any(type(each) is not int or each < 0 for each in shape):
        raise AnswerUnfit(at, f"a list of whole numbers is promised (it is {show(shape)})")
    return list(shape)


def _read_data(tensor: Mapping[str, Json], shape: list[int], at: str) -> list[Json]:
    """Return the data as one list: servers may nest it as the shape does. Raises: AnswerUnfit."""
    datatype, data = tensor.get("datatype"), tensor.get("data")
    if datatype not in DATATYPES:
        raise AnswerUnfit(
            f"{at}.datatype", f"one of {', '.join(DATATYPES)} is promised (it is {show(datatype)})"
        )
    if not isinstance(data, list):
        raise AnswerUnfit(f"{at}.data", f"a list is promised (it is {show(data)})")
    try:
        _, flat = _flatten(data)
    except Ragged:
        raise AnswerUnfit(f"{at}.data", "its lists are not of one length") from None
    if len(flat) != math.prod(shape):
        raise AnswerUnfit(
            f"{at}.data", f"the shape {shape} needs {math.prod(shape)} values (it has {len(flat)})"
        )
    for index, each in enumerate(flat):
        if not _fits(each, datatype):
            raise AnswerUnfit(
                f"{at}.data.{index}", f"{_describe(datatype)} is promised (it is {show(each)})"
            )
    return flat


def _flatten(value: Json) -> tuple[list[int], list[Json]]:
    """Return the shape of nested lists, and what they hold. Raises: Ragged."""
    shape: list[int] = []
    flat = [value]
    while flat and isinstance(flat[0], list):
        size = len(flat[0])
        if any(not isinstance(each, list) or len(each) != size for each in flat):
            raise Ragged
        shape.append(size)
        flat = [item for each in flat for item in each]
    if any(isinstance(each, list) for each in flat):
        raise Ragged
    return shape, flat


def _fold(flat: list[Json], shape: Sequence[int]) -> Json:
    """Return the values as nested lists of this shape; without dimensions, the one value."""
    if not shape:
        return flat[0]
    if not flat:
        # Some dimension is 0; the others could be as large as a server likes to say.
        return []
    for size in reversed(shape[1:]):
        flat = [flat[begin : begin + size] for begin in range(0, len(flat), size)]
    return flat


def _fits(value: Json, datatype: str) -> bool:
    if datatype == "BYTES":
        return isinstance(value, str)
    if datatype == "BOOL" or isinstance(value, bool):
        return datatype == "BOOL" and isinstance(value, bool)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if datatype.startswith("FP"):
        return True
    return value == int(value) and _is_in_range(int(value), datatype)


def _is_in_range(value: int, datatype: str) -> bool:
    bits = int(datatype.lstrip("UINT"))
    least, end = (0, 1 << bits) if datatype.startswith("U") else (-1 << bits - 1, 1 << bits - 1)
    return least <= value < end


def _convert(value: Json, datatype: str) -> Json:
    """Return a fitting value as the datatype writes it: 12.0 is 12 as a whole number."""
    return int(value) if "INT" in datatype else value


def _describe(datatype: str) -> str:
    if datatype == "BYTES":
        return "text"
    if datatype == "BOOL":
        return "true or false"
    kind = "a number" if datatype.startswith("FP") else "a whole number"
    return f"{kind} ({datatype})"
