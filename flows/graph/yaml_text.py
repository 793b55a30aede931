"""Read and write YAML with JSON's types only: no tags, anchors, aliases or merges.

Values are built from libyaml's events and nothing is constructed, so that no tag can name a class,
a date stays text, and the line of each value is known. Reading stops at the event that goes past a
limit, so a text costs no more than its first MAX_VALUES values. Numbers are those of JSON:
``0x1F``, ``1_000``, ``012`` stay text.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from flows.graph.json_values import (
    MAX_DEPTH,
    MAX_VALUES,
    Lines,
    Path,
    TextProblem,
    check_number,
    check_text,
    duplicate_key,
    too_deep,
    too_many_values,
)
from flows.graph.model import Json

_TAG = "tag:yaml.org,2002:"
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = frozenset({"true", "True", "TRUE", "false", "False", "FALSE"})
_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_INT_DIGITS = 25  # more than fit; far beyond them Python itself refuses to convert
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
# Texts that need no quotes for any reader: words, paths, sentences, expressions.
_PLAIN = re.compile(
    r"(?!.*(: |:\Z| #| \Z))[A-Za-z_$/(]"
    r"[^\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\U00010000-\U0010ffff]*\Z"
)
_PLAIN_FLOW = re.compile(r"[A-Za-z_$/(][A-Za-z0-9_/(). -]*(?<! )\Z")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"})
_UNSAFE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BLOCK_TEXT = re.compile(
    r"[^\s\x00-\x20\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
    r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*\Z"
)


def read_yaml(text: str) -> tuple[Json, Lines]:
    """Return the plain value, and the line of each path in it.

    Raises:
        TextProblem: the text is not YAML, uses what is not supported, or goes past a limit.
    """
    check_text(text)
    try:
        return _EventReader(text).read_document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "it cannot be read"
        raise _not_yaml(str(reason), mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise _not_yaml(str(error).splitlines()[0] if str(error) else "it cannot be read") from None


def _not_yaml(reason: str, line: int | None = None) -> TextProblem:
    return TextProblem(
        "document.not_yaml",
        f"The text is neither YAML nor JSON: {reason}.",
        "Check the indentation, and quote texts that hold `: `, `#` or begin with a bracket.",
        line,
    )


class _EventReader:
    """Turns events into plain values, and records the line of each."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Event] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self.lines: Lines = {}
        self.values = 0

    def read_document(self) -> tuple[Json, Lines]:
        next(self.events)  # the stream's start
        if isinstance(next(self.events), StreamEndEvent):
            return None, self.lines
        value = self.read_value(next(self.events), ())
        next(self.events)  # the document's end
        if not isinstance(after := next(self.events), StreamEndEvent):
            raise _not_yaml("it holds more than one document", _line_of(after))
        return value, self.lines

    def read_value(self, event: Event, path: Path) -> Json:
        line = self.check_node(event)
        self.lines.setdefault(path, line)
        if len(path) > MAX_DEPTH:
            raise too_deep(line)
        if isinstance(event, MappingStartEvent):
            return self.read_mapping(event, path)
        if isinstance(event, SequenceStartEvent):
            return self.read_sequence(event, path)
        return _read_scalar(event, line)

    def check_node(self, event: Event) -> int:
        """Count the value or key that begins here, and return its line."""
        line, anchor = _line_of(event), getattr(event, "anchor", None)
        if anchor is not None or isinstance(event, AliasEvent):
            kind = "alias *" if isinstance(event, AliasEvent) else "anchor &"
            raise TextProblem(
                "document.anchor",
                f"The {kind}{anchor} is not supported.",
                "Write the value out where it is used.",
                line,
            )
        self.values += 1
        if self.values > MAX_VALUES:
            raise too_many_values(line)
        return line

    def read_sequence(self, event: SequenceStartEvent, path: Path) -> list[Json]:
        _check_tag(event, "seq")
        items: list[Json] = []
        while not isinstance(item := next(self.events), SequenceEndEvent):
            items.append(self.read_value(item, (*path, len(items))))
        return items

    def read_mapping(self, event: MappingStartEvent, path: Path) -> dict[str, Json]:
        _check_tag(event, "map")
        data: dict[str, Json] = {}
        while not isinstance(key_event := next(self.events), MappingEndEvent):
            line = self.check_node(key_event)
            key = _read_key(key_event, line)
            if key in data:
                raise duplicate_key(key, line)
            self.lines[(*path, key)] = line
            data[key] = self.read_value(next(self.events), (*path, key))
        return data


def _line_of(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _read_key(event: Event, line: int) -> str:
    is_merge = _kind_of(event) == "merge"
    key = _read_scalar(event, line) if isinstance(event, ScalarEvent) else None
    if isinstance(key, str) and not is_merge:
        return key
    raise TextProblem(
        "document.key",
        "Merging with << is not supported." if is_merge else "A key is not text.",
        "Write the merged fields out." if is_merge else "Put it in quotes.",
        line,
    )


def _read_scalar(event: Any, line: int) -> Json:
    kind, text = _kind_of(event), event.value
    if kind in ("str", "timestamp", "merge", "value"):
        return check_text(text, line)
    if kind == "null":
        return None
    if kind == "bool":
        return bool(text.lower() == "true")
    if kind in ("int", "float"):
        return _read_number(text, line)
    _check_tag(event, "str")
    return None


def _kind_of(event: Any) -> str:
    """Return the tag of a value, without YAML's prefix: its own, or the one its text stands for."""
    tag = getattr(event, "tag", None)
    if tag not in (None, "!"):
        return str(tag).removeprefix(_TAG)
    if isinstance(event, MappingStartEvent | SequenceStartEvent):
        return "map" if isinstance(event, MappingStartEvent) else "seq"
    return _kind_of_text(event.value) if event.implicit[0] and tag is None else "str"


def _kind_of_text(text: str) -> str:
    """Return the kind of a value without quotes, as in YAML's core schema."""
    if text in _NULL:
        return "null"
    if text in _BOOL:
        return "bool"
    return "merge" if text == "<<" else "float"


def _check_tag(event: Event, kind: str) -> None:
    if _kind_of(event) != kind:
        raise TextProblem(
            "document.tag",
            f"The tag {getattr(event, 'tag', '')} is not supported.",
            "Remove it; text, numbers, lists and mappings need none.",
            _line_of(event),
        )


def _read_number(text: str, line: int) -> Json:
    """Return the number, or the text itself if JSON would not take it for one."""
    if _INT.match(text):
        return check_number(int(text) if len(text) < _INT_DIGITS else 10**30, line)
    return check_number(float(text), line) if _FLOAT.match(text) else check_text(text, line)


def write_yaml(data: Json, *, inline: Callable[[Path], bool]) -> str:
    """Return block YAML; the values at paths that ``inline`` accepts stand on one line.

    This does not use the library's writer: it quotes only where a reader could go wrong, never
    folds a line, and is many times faster. Whatever is not surely safe is quoted as in JSON.
    """
    return "".join(_write_block(data, (), inline, "")).lstrip("\n") + "\n"


def _write_block(
    value: Json, path: Path, inline: Callable[[Path], bool], indent: str
) -> Iterator[str]:
    """Yield the text that follows a key or a dash, with its leading space or line break."""
    if isinstance(value, str):
        yield " " + _write_text(value, indent)
    elif not isinstance(value, dict | list) or not value or inline(path):
        yield " " + _write_inline(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"\n{indent}{_write_text(key, None)}:"
            yield from _write_block(item, (*path, key), inline, indent + "  ")
    else:
        for index, item in enumerate(value):
            yield f"\n{indent}-"
            text = "".join(_write_block(item, (*path, index), inline, indent + "  "))
            # The first field of an item stands on the dash's line.
            yield " " + text.lstrip("\n ") if text.startswith("\n") else text


def _write_inline(value: Json) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_write_text(k, None)}: {_write_inline(v)}" for k, v in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_write_inline, value)) + "]"
    return _write_text(value, None) if isinstance(value, str) else _write_number(value)


def _write_number(value: Json) -> str:
    text = json.dumps(value)
    if isinstance(value, float) and "." not in text:
        return text.replace("e", ".0e")  # other readers take 1e+16 for text
    return text


def _write_text(value: str, indent: str | None) -> str:
    """Return a text as a scalar; ``indent`` is None for keys and inside inline values."""
    if indent is not None and "\n" in value and _is_block_text(value):
        body = value.rstrip("\n")
        end = {0: "-", 1: ""}.get(len(value) - len(body), "+")
        lines = [f"{indent}{line}" if line else "" for line in value.removesuffix("\n").split("\n")]
        return "\n".join([f"|{end}", *lines])
    pattern = _PLAIN_FLOW if indent is None else _PLAIN
    if pattern.match(value) and value.lower() not in _WORDS:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _is_block_text(value: str) -> bool:
    lines = value.split("\n")
    return bool(_BLOCK_TEXT.match(value)) and all(line == line.rstrip() for line in lines)
