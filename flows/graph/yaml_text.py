"""Read and write YAML with JSON's types only: no tags, anchors, aliases or merges.

Nodes are composed and never constructed, so that no tag can name a class, a date stays text, and
the line of each value is known. Numbers are those of JSON: ``0x1F``, ``1_000``, ``012`` stay text.
"""

import json
import re
from collections.abc import Callable, Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from flows.graph.json_values import (
    MAX_DEPTH,
    Lines,
    Path,
    TextProblem,
    check_number,
    check_text,
    duplicate_key,
    too_deep,
)
from flows.graph.model import Json

_TAG = "tag:yaml.org,2002:"
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
        TextProblem: the text is not YAML, or uses what is not supported.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        lines: Lines = {}
        return (None if root is None else _NodeReader(lines).read_value(root, ())), lines
    except RecursionError:
        raise too_deep() from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context or "it cannot be read"
        raise _not_yaml(str(reason), mark.line + 1 if mark else None) from None
    except YAMLError as error:
        raise _not_yaml(str(error).splitlines()[0] if str(error) else "it cannot be read") from None


def _not_yaml(reason: str, line: int | None = None) -> TextProblem:
    return TextProblem(
        "document.not_yaml",
        f"The text is neither YAML nor JSON: {reason}.",
        "Check the indentation, and quote texts that hold `: `, `#` or begin with a bracket.",
        line,
    )


class _NodeReader:
    """Turns nodes into plain values, and records the line of each."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines

    def read_value(self, node: Node, path: Path) -> Json:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if node.anchor is not None:
            raise TextProblem(
                "document.anchor",
                f"The anchor &{node.anchor} is not supported.",
                "Write the value out where it is used.",
                line,
            )
        if len(path) > MAX_DEPTH:
            raise too_deep(line)
        if isinstance(node, MappingNode):
            return self.read_mapping(node, path)
        if isinstance(node, SequenceNode):
            self.check_tag(node, "seq")
            return [self.read_value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.read_scalar(node, line)

    def read_mapping(self, node: Node, path: Path) -> dict[str, Json]:
        self.check_tag(node, "map")
        data: dict[str, Json] = {}
        for key_node, item in node.value:
            line = key_node.start_mark.line + 1
            key = self.read_key(key_node, line)
            if key in data:
                raise duplicate_key(key, line)
            self.lines[(*path, key)] = line
            data[key] = self.read_value(item, (*path, key))
        return data

    def read_key(self, node: Node, line: int) -> str:
        key = self.read_scalar(node, line) if isinstance(node, ScalarNode) else None
        if isinstance(key, str) and node.anchor is None and str(node.tag) != _TAG + "merge":
            return key
        raise TextProblem(
            "document.key",
            "A key is not text." if key != "<<" else "Merging with << is not supported.",
            "Put it in quotes." if key != "<<" else "Write the merged fields out.",
            line,
        )

    def read_scalar(self, node: Node, line: int) -> Json:
        kind, text = str(node.tag).removeprefix(_TAG), node.value
        if kind in ("str", "timestamp", "merge", "value"):
            return check_text(text, line)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind in ("int", "float"):
            return _read_number(text, line)
        self.check_tag(node, "str")
        return None

    def check_tag(self, node: Node, kind: str) -> None:
        if str(node.tag) != _TAG + kind:
            raise TextProblem(
                "document.tag",
                f"The tag {node.tag} is not supported.",
                "Remove it; text, numbers, lists and mappings need none.",
                node.start_mark.line + 1,
            )


def _read_number(text: str, line: int) -> Json:
    if _INT.match(text):
        return check_number(int(text) if len(text) < _INT_DIGITS else 10**30, line)
    return check_number(float(text), line) if _FLOAT.match(text) else text


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
