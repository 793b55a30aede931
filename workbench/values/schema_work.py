"""How much work a JSON Schema makes of a value, counted before it is done.

A schema that refers to itself in two places doubles its work with each level of the value: one of
two lines took 82 seconds for a value of eighteen levels. The count walks value and schema together,
with how often each part of the schema is applied to a value in the place of applying it, and so
takes time in proportion to their sizes, whatever the result. A unit is about 50 nanoseconds.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

Json = Any

MAX_PARTS = 10_000
# Of all patterns of a schema together: what they would be long without counted repetitions.
MAX_PATTERN_SIZE = 12_000
# No list has an index of more digits.
MOST_DIGITS = 9
# A step of a pattern that may be tried from several places in the text, for each character.
_PATTERN_STEP = 0.3
_SMALL_PATTERN = 100
# The most that a pattern may try that looks around or back, which is limited by BACKTRACKS.
BACKTRACKS = 50_000
_BACKTRACKING_WORK = 10_000
_TEXT_UNIT = 100  # characters that are compared or written out in about one unit

_LISTS_IN_PLACE = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("if", "then", "else", "not", "$ref", "$dynamicRef", "$recursiveRef")
_OF_ITEMS = ("items", "contains", "additionalItems", "unevaluatedItems")
_OF_FIELDS = ("additionalProperties", "unevaluatedProperties")
_BACKTRACKING = re.compile(r"\(\?<?[=!]|\\[1-9]|\\k<")
_WIDE = re.compile(r"\\[wWdDsSpP]|\.|\[\^")
_REPEATED = re.compile(r"\{(\d+)(?:,(\d*))?\}")


class TooMuchWork(ValueError):
    """The schema makes too much work, by itself or of this value."""


class _Part:
    """A part of a schema with all that applies to the same value: what it costs, and leads to."""

    def __init__(self) -> None:
        self.work = 0.0
        self.text_work = 0.0  # for each character of a text
        self.fields: dict[str, Counter[int]] = {}
        self.any_field: Counter[int] = Counter()
        self.items: Counter[int] = Counter()

    def add(self, other: "_Part") -> None:
        self.work += other.work
        self.text_work += other.text_work
        self.any_field.update(other.any_field)
        self.items.update(other.items)
        for name, parts in other.fields.items():
            self.fields.setdefault(name, Counter()).update(parts)


class SchemaWork:
    """The work of one schema.

    Raises: TooMuchWork for a schema with too many parts, or too large patterns.
    """

    def __init__(self, schema: Mapping[str, Json] | bool) -> None:
        self._root = schema
        self._schemas: dict[int, Mapping[str, Json]] = {}
        self._wholes: dict[int, _Part] = {}
        self._entries = 0
        self._pattern_size = 0
        self.is_recursive = False
        self.has_choices = False
        self.total = self._add_up(schema) if isinstance(schema, Mapping) else 1.0

    def of(self, value: Json, most: float) -> float:
        """Return the work that the schema makes of the value, or more than ``most``."""
        if not isinstance(self._root, Mapping):
            return 1
        work, steps = 0.0, 0
        waiting: list[tuple[Json, Mapping[int, int]]] = [(value, {self._know(self._root): 1})]
        while waiting and work <= most and steps <= most:
            current, parts = waiting.pop()
            for key, times in parts.items():
                part = self._whole(key)
                work += times * part.work
                if isinstance(current, str):
                    work += times * (part.text_work + 1 / _TEXT_UNIT) * len(current)
            steps += 4 * len(parts) + 4
            waiting += self._list_children(current, parts)
        return max(work, steps)

    def _list_children(
        self, value: Json, parts: Mapping[int, int]
    ) -> Iterator[tuple[Json, Mapping[int, int]]]:
        wholes = [(self._whole(key), times) for key, times in parts.items()]
        if isinstance(value, Mapping):
            shared = _sum((part.any_field, times) for part, times in wholes)
            named = [(part.fields, times) for part, times in wholes if part.fields]
            for name, item in value.items():
                own = _sum((fields[name], times) for fields, times in named if name in fields)
                if own or shared:
                    yield item, own + shared if own else shared
        elif isinstance(value, list):
            shared = _sum((part.items, times) for part, times in wholes)
            if shared:
                yield from ((item, shared) for item in value)

    # --- Reading the schema -------------------------------------------------------------------

    def _know(self, schema: Mapping[str, Json]) -> int:
        if id(schema) not in self._schemas:
            self._schemas[id(schema)] = schema
            if len(self._schemas) > MAX_PARTS:
                raise TooMuchWork(f"The schema has more than {MAX_PARTS:,} parts.")
        return id(schema)

    def _whole(self, key: int) -> _Part:
        """Return the part with those that apply to the same value, each as often as it does."""
        if key not in self._wholes:
            self._make_whole(key, frozenset(), frozenset())
        return self._wholes[key]

    def _make_whole(self, key: int, above: frozenset[int], in_place: frozenset[int]) -> _Part:
        """Of the parts ``above`` this one, those ``in_place`` apply to the very same value."""
        if key in self._wholes:
            return self._wholes[key]
        schema = self._schemas[key]
        whole = self._read_own(schema)
        above, in_place = above | {key}, in_place | {key}
        for part, is_same_value in self._list_in_place(schema):
            inner = self._know(part)
            if is_same_value and inner in in_place:
                # How often a validator goes round is its own affair: the standard leaves it open.
                raise TooMuchWork(
                    "A part of the schema refers to itself for the same value. "
                    "Refer to it for a property or an item."
                )
            if inner not in above:
                same = in_place if is_same_value else frozenset()
                whole.add(self._make_whole(inner, above, same))
        self._entries += len(whole.fields) + len(whole.any_field) + len(whole.items)
        if self._entries > 20 * MAX_PARTS:
            raise TooMuchWork("The parts of the schema refer to one another too often.")
        self._wholes[key] = whole
        return whole

    def _read_own(self, schema: Mapping[str, Json]) -> _Part:
        own = _Part()
        self.has_choices |= "anyOf" in schema or "oneOf" in schema
        own.work = 1 + len(_list_of(schema, "enum")) + len(_list_of(schema, "required"))
        if isinstance(pattern := schema.get("pattern"), str):
            self._add_pattern(own, pattern)
        for name, part in _mapping_of(schema, "properties").items():
            if isinstance(part, Mapping):
                own.fields[name] = Counter({self._know(part): 1})
        for pattern, part in _mapping_of(schema, "patternProperties").items():
            self._add_pattern(_Part(), pattern)
            own.work += 1
            if isinstance(part, Mapping):
                own.any_field[self._know(part)] += 1
        for name in _OF_FIELDS:
            if isinstance(part := schema.get(name), Mapping):
                own.any_field[self._know(part)] += 1
        for part in [*map(schema.get, _OF_ITEMS), *_list_of(schema, "prefixItems")]:
            if isinstance(part, Mapping):
                own.items[self._know(part)] += 1
        return own

    def _add_pattern(self, own: _Part, pattern: str) -> None:
        size = measure_pattern(pattern)
        self._pattern_size += size
        if self._pattern_size > MAX_PATTERN_SIZE:
            raise TooMuchWork("The patterns of the schema repeat too much.")
        if _BACKTRACKING.search(pattern):
            own.work += _BACKTRACKING_WORK
        elif size > _SMALL_PATTERN:
            own.text_work += _PATTERN_STEP * size

    def _list_in_place(
        self, schema: Mapping[str, Json]
    ) -> Iterator[tuple[Mapping[str, Json], bool]]:
        """Yield the parts applied here, and whether each surely applies to the same value."""
        for name in _IN_PLACE:
            part = schema.get(name)
            if not isinstance(part, str):
                found = part
            elif (found := self._find(part)) is None and isinstance(self._root, Mapping):
                # It has another name than its place: it may be any part.
                yield self._root, False
            if isinstance(found, Mapping):
                yield found, True
        for name in _LISTS_IN_PLACE:
            yield from (
                (part, True) for part in _list_of(schema, name) if isinstance(part, Mapping)
            )
        for part in _mapping_of(schema, "dependentSchemas").values():
            if isinstance(part, Mapping):
                yield part, True
        if isinstance(names := schema.get("propertyNames"), Mapping):
            yield names, False

    def _find(self, reference: str) -> Json:
        """Return what stands at the place that a reference names, None if it names no place."""
        if reference != "#" and not reference.startswith("#/"):
            return None
        found: Json = self._root
        for part in reference.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = _item(found, key)
            else:
                found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def _add_up(self, schema: Mapping[str, Json]) -> float:
        """Return the work of all parts that are reached, each as often as it is reached."""
        known: dict[int, float] = {}
        under_way: set[int] = set()

        def add_up(key: int) -> float:
            if key in under_way:
                self.is_recursive = True
                return 0
            if key not in known:
                under_way.add(key)
                whole = self._whole(key)
                below = [whole.any_field, whole.items, *whole.fields.values()]
                known[key] = whole.work + 100 * whole.text_work + sum(
                    times * add_up(part) for parts in below for part, times in parts.items()
                )  # fmt: skip
                under_way.discard(key)
            return known[key]

        try:
            return add_up(self._know(schema))
        except RecursionError:
            raise TooMuchWork("The schema nests too deep.") from None


def measure_size(value: Json, most: float) -> float:
    """Return how many values there are, long texts as several, or more than ``most``."""
    size, waiting = 0.0, [value]
    while waiting and size <= most:
        current = waiting.pop()
        size += 1
        if isinstance(current, str):
            size += len(current) / _TEXT_UNIT
        elif isinstance(current, Mapping):
            waiting += current.values()
        elif isinstance(current, list):
            waiting += current
    return size


def measure_pattern(pattern: str) -> int:
    """Return how long the pattern would be if its counted repetitions were written out."""
    sizes, at = [0], 0
    last = 0  # the size of the element that a repetition would repeat
    while at < len(pattern):
        if repeated := _REPEATED.match(pattern, at):
            times = max(int(each or 0) for each in repeated.groups())
            sizes[-1] += last * max(0, min(times, MAX_PATTERN_SIZE) - 1)
            last = min(last * max(1, times), MAX_PATTERN_SIZE)
            at = repeated.end()
            continue
        width = 2 if pattern[at] == "\\" else 1
        if pattern[at] == "[":
            end = pattern.find("]", at + 2)
            width = (end if end > 0 else len(pattern)) + 1 - at
        if pattern[at] == "(":
            sizes.append(0)
        elif pattern[at] == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        else:
            last = 4 if _WIDE.match(pattern, at) else 1
            sizes[-1] += last
        at += width
    return min(sum(sizes), 10 * MAX_PATTERN_SIZE)


def _sum(counted: Iterator[tuple[Counter[int], int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for parts, times in counted:
        for key, often in parts.items():
            total[key] += often * times
    return total


def _list_of(schema: Mapping[str, Json], name: str) -> list[Json]:
    found = schema.get(name)
    return found if isinstance(found, list) else []


def _mapping_of(schema: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = schema.get(name)
    return found if isinstance(found, Mapping) else {}


def _item(found: list[Json], key: str) -> Json:
    """Return the item that the key names, or None. Python reads no number of very many digits."""
    is_number = key.isdecimal() and len(key) <= MOST_DIGITS
    return found[int(key)] if is_number and int(key) < len(found) else None
