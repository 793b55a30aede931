"""Assets as files of a repository: YAML with its keys in a fixed order, read back without loss."""

from dataclasses import dataclass
from typing import Any

from flows.assets.errors import AssetInvalid
from flows.assets.kinds import AssetKind, AssetProblem, Content, UnknownKind, get_kind
from flows.graph.json_values import TextProblem
from flows.graph.yaml_text import read_yaml, write_yaml

Json = Any
SCHEMA = "countersign/{kind}@1"
# Values so deep in a content are short: an example's fields, an assertion, a schema's keywords.
INLINE_DEPTH = 3


@dataclass(frozen=True, slots=True)
class AssetFile:
    """What a file holds."""

    kind: AssetKind
    name: str
    title: str
    content: Content


def to_file(kind: AssetKind, name: str, title: str, content: Content) -> str:
    """Return the text of a file."""
    head = {"schema": SCHEMA.format(kind=kind.name), "name": name, "title": title}
    return write_yaml(
        {**head, **kind.normal(content)}, inline=lambda path: len(path) > INLINE_DEPTH
    )


def read_file(text: str) -> AssetFile:
    """Return what a file's text holds. Raises: AssetInvalid."""
    try:
        data, _ = read_yaml(text)
    except TextProblem as error:
        raise _invalid("file", error.message, error.remedy) from None
    if not isinstance(data, dict):
        raise _invalid("file", "The file is no mapping.", "Start it with `schema:` and `name:`.")
    rest = dict(data)
    kind = _read_kind(rest.pop("schema", None))
    name, title = rest.pop("name", None), rest.pop("title", "")
    if not isinstance(name, str) or not name:
        raise _invalid("name", "The file has no name.", "Add `name:`.")
    if not isinstance(title, str):
        raise _invalid("title", "The title is not text.", "Put it in quotes.")
    if problems := kind.check_form(rest):
        raise AssetInvalid(problems)
    return AssetFile(kind, name, title or name, kind.normal(rest))


def _read_kind(schema: Json) -> AssetKind:
    name = str(schema or "").removeprefix("countersign/").removesuffix("@1")
    try:
        if schema == SCHEMA.format(kind=name):
            return get_kind(name)
    except UnknownKind:
        pass
    raise _invalid("schema", f"{schema!r} is no schema of an asset.", "Write countersign/prompt@1.")


def _invalid(field: str, message: str, remedy: str) -> AssetInvalid:
    return AssetInvalid([AssetProblem(field, message, remedy)])
