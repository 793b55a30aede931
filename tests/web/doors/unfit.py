"""Values that cannot be kept, as they stand in JSON text."""

import json
from collections.abc import Iterator
from typing import Any

UNFIT = {
    "too large a whole number": "9007199254740992",
    "a number that overflows": "1e400",
    "half a surrogate pair": '"\\ud800"',
    "a NUL": '"x\\u0000y"',
    "a NUL in a key": '{"x\\u0000y": 1}',
    "NaN": "NaN",
    "a key twice": '{"a": 1, "a": 2}',
    "700 levels": "[" * 700 + "]" * 700,
    "5,000 levels": '{"a":' * 5_000 + "1" + "}" * 5_000,
}
_MARK = "planted here"


def plant(body: Any, unfit: str) -> Iterator[str]:
    """Yield the body as JSON text with the unfit value in each of its places in turn."""
    for planted in _plant_mark(body):
        yield json.dumps(planted).replace(f'"{_MARK}"', unfit)


def _plant_mark(value: Any) -> Iterator[Any]:
    yield _MARK
    if isinstance(value, dict):
        yield {**value, "one more": _MARK}
        for key, item in value.items():
            for planted in _plant_mark(item):
                yield {**value, key: planted}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for planted in _plant_mark(item):
                yield [*value[:index], planted, *value[index + 1 :]]
