"""Assets as files of a repository: YAML with its keys in a fixed order, read back without loss."""

from dataclasses import dataclass
from typing import Any

from flows.assets.errors import AssetInvalid
from flows.assets.kinds import AssetKind, AssetProblem, Content, UnknownKind, get_kind
from flows.graph.json_values import TextProblem
from flows.graph.yaml_text import read_yaml, write_yaml

Json = Any
SCHEMA = "countersign/{kind}@1"
LARGEST_FILE = 4_000_000  # bytes
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


@dataclass(frozen=True, slots=True)
class Written:
    """A file's text, and what its name ends in."""

    text: str
    ending: str
    media_type: str


def write_as(kind: AssetKind, format_: str, name: str, title: str, content: Content) -> Written:
    """Return a file in one of the kind's formats, or as YAML. Raises: AssetInvalid."""
    if format_ in ("", "yaml"):
        text = to_file(kind, name, title, content)
        return Written(text, f"{kind.name}.yaml", "application/yaml")
    found = kind.formats.get(format_)
    if found is None:
        raise _refuse_format(kind, format_)
    return Written(found.write(name, title, content), found.name, found.media_type)


def read_as(kind: AssetKind, file_name: str, text: str, before: Content) -> Content:
    """Return the content of a file, whose name says which form it has. Raises: AssetInvalid."""
    ending = file_name.rpartition(".")[2].lower()
    if ending in ("yaml", "yml"):
        found = read_file(text)
        if found.kind.name != kind.name:
            raise _invalid("schema", f"This is a {found.kind.name}.", f"Choose a {kind.name}.")
        return found.content
    if ending not in kind.formats:
        raise _refuse_format(kind, ending)
    content = kind.formats[ending].read(text, before)
    if problems := kind.check_form(content):
        raise AssetInvalid(problems)
    return kind.normal(content)


def _refuse_format(kind: AssetKind, format_: str) -> AssetInvalid:
    known = ", ".join(["yaml", *kind.formats])
    return _invalid("format", f"{format_!r} is no form of a {kind.name}.", f"Use {known}.")


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
