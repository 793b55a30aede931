"""Write a JSON Schema in the words that a form understands, and find what it cannot show. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from reviews.rules.conditions import list_properties
from workbench.values.schemas import SCHEMA_ERRORS, make_validator

Json = Any
Schema = Mapping[str, Json]
Path = tuple[str | int, ...]

MAPPINGS_OF_SCHEMAS = frozenset({"properties", "dependentSchemas", "$defs", "definitions"})
LISTS_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf"})
SCHEMAS = frozenset({"items", "if", "then", "else", "not", "contains", "additionalProperties"})
# A schema that refers to itself is cut off here; publishing refuses it.
MOST_REFERENCES = 20
INSTEAD = {"nullable": ': write `type: [string, "null"]`, with its own type'}
# Keywords of an alternative that only checks what other inputs hold.
CONSTRAINTS = frozenset({"required", "minProperties", "maxProperties", "title", "description"})
# What would need inputs that the page does not have.
NOT_SHOWN = frozenset(
    {
        "patternProperties",
        "prefixItems",
        "unevaluatedProperties",
        "unevaluatedItems",
        "propertyNames",
        "contains",
        "$dynamicRef",
        "$recursiveRef",
        # OpenAPI's word, which JSON Schema passes over.
        "nullable",
    }
)


def make_plain(schema: Schema) -> dict[str, Json]:
    """Return the schema with references written out, and one way of saying each thing.

    ``anyOf`` of something and null becomes a list of types; ``const`` becomes an ``enum`` of one.
    """
    return _make_plain(schema, schema, MOST_REFERENCES)


def _make_plain(schema: Schema, root: Schema, room: int) -> dict[str, Json]:
    found = dict(schema)
    while isinstance(found.get("$ref"), str) and room > 0:
        target = _find(root, found.pop("$ref"))
        found, room = {**target, **found}, room - 1
    for key in found.keys() & MAPPINGS_OF_SCHEMAS - {"$defs", "definitions"}:
        if isinstance(found[key], Mapping):
            found[key] = {name: _plain_part(part, root, room) for name, part in found[key].items()}
    for key in found.keys() & LISTS_OF_SCHEMAS:
        if isinstance(found[key], list):
            found[key] = [_plain_part(part, root, room) for part in found[key]]
    for key in found.keys() & SCHEMAS:
        found[key] = _plain_part(found[key], root, room)
    return _fold(found)


def _plain_part(part: Json, root: Schema, room: int) -> Json:
    return _make_plain(part, root, room) if isinstance(part, Mapping) and room > 0 else part


def _find(root: Schema, reference: str) -> Mapping[str, Json]:
    """Return what a reference within the schema names, {} if there is nothing."""
    found: Json = root
    for part in reference.removeprefix("#").split("/")[1:] if reference.startswith("#") else [""]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _fold(schema: dict[str, Json]) -> dict[str, Json]:
    for key in ("anyOf", "oneOf"):
        parts = schema.get(key)
        parts = parts if isinstance(parts, list) else []
        others = [part for part in parts if part != {"type": "null"}]
        if len(others) == 1 and len(parts) == 2 and isinstance(others[0], Mapping):  # noqa: PLR2004
            rest = {name: value for name, value in schema.items() if name != key}
            return _allow_null({**others[0], **rest})
    if "const" in schema and "enum" not in schema:
        schema["enum"] = [schema["const"]]
    return schema


def _allow_null(schema: dict[str, Json]) -> dict[str, Json]:
    kinds = schema.get("type")
    if isinstance(kinds, str):
        schema = {**schema, "type": [kinds, "null"]}
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema = {**schema, "enum": [*schema["enum"], None]}
    return schema


# --- What is wrong with a schema ----------------------------------------------------


def find_schema_faults(schema: Schema) -> Iterator[tuple[Path, str]]:
    """Yield the place and the reason of what makes a schema useless. Expressions are left out."""
    try:
        make_validator(_without_expressions(schema))
    except SCHEMA_ERRORS as fault:
        path = tuple(getattr(fault, "instance_path", ()))
        yield path, _first_line(getattr(fault, "message", None) or str(fault))


def check_schema(schema: dict[str, Json]) -> dict[str, Json]:
    """Return the schema. Raises: ValueError, with the place of the first fault."""
    for path, reason in find_schema_faults(schema) if schema else ():
        at = ".".join(map(str, path))
        raise ValueError(f"this is not a JSON Schema: {f'{at}: ' if at else ''}{reason}")
    return schema


def _first_line(text: str) -> str:
    return text.splitlines()[0][:300].rstrip(".")


def _without_expressions(schema: Json) -> Json:
    """Return the schema without the keywords whose values are known only when a case opens."""
    if isinstance(schema, Mapping):
        kept = {key: each for key, each in schema.items() if not _is_expression(each)}
        return {key: _without_expressions(each) for key, each in kept.items()}
    if isinstance(schema, list):
        return [_without_expressions(each) for each in schema]
    return schema


def _is_expression(value: Json) -> bool:
    return isinstance(value, str) and "${" in value


def find_unshown(schema: Schema) -> Iterator[tuple[Path, str]]:
    """Yield the place and the reason of each keyword that the page of a case cannot show."""
    yield from _find_unshown(schema, schema, (), ())


def _find_unshown(
    schema: Json, root: Schema, path: Path, seen: tuple[str, ...]
) -> Iterator[tuple[Path, str]]:
    if not isinstance(schema, Mapping):
        return
    for key in sorted(schema.keys() & NOT_SHOWN):
        yield (*path, key), f"The page of a case cannot show `{key}`{INSTEAD.get(key, '')}"
    yield from _find_unshown_reference(schema, root, path, seen)
    yield from _find_unshown_choices(schema, path)
    for key, part in _list_parts(schema.get("properties")):
        place = (*path, "properties", key)
        if "." in key or ":" in key:
            yield place, f"The name {key!r} has a dot or a colon, which names of inputs use"
        yield from _find_unshown(part, root, place, seen)
    if isinstance(schema.get("items"), Mapping):
        yield from _find_unshown(schema["items"], root, (*path, "items"), seen)
    for key in ("then", "else"):
        yield from _find_unshown(schema.get(key), root, (*path, key), seen)
    for number, part in enumerate(schema.get("allOf") or ()):
        yield from _find_unshown(part, root, (*path, "allOf", number), seen)
    for key, part in _list_parts(schema.get("dependentSchemas")):
        yield from _find_unshown(part, root, (*path, "dependentSchemas", key), seen)


def _list_parts(parts: Json) -> list[tuple[str, Json]]:
    return list(parts.items()) if isinstance(parts, Mapping) else []


def _find_unshown_reference(
    schema: Schema, root: Schema, path: Path, seen: tuple[str, ...]
) -> Iterator[tuple[Path, str]]:
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return
    if reference in seen or reference == "#":
        yield (*path, "$ref"), f"{reference} contains itself, and a page cannot nest without end"
        return
    yield from _find_unshown(_find(root, reference), root, path, (*seen, reference))


def _find_unshown_choices(schema: Schema, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield types that no one input takes: of several kinds, or a list of lists."""
    for key in ("anyOf", "oneOf"):
        parts = schema.get(key)
        if isinstance(parts, list) and not _can_choose(key, parts):
            reason = f"The page of a case cannot show this `{key}`: it shows null or something"
            yield (*path, key), f"{reason}, and `oneOf` of constants"
    kinds = [kind for kind in _list_kinds(schema) if kind != "null"]
    if len(kinds) > 1:
        yield (*path, "type"), f"An input holds one type, and this has {', '.join(kinds)}"
    if kinds == ["object"] and path and "$ref" not in schema and not list_properties(schema):
        yield (*path, "type"), "The page of a case cannot show a mapping without `properties`"
    if kinds == ["array"] and "array" in _list_kinds(schema.get("items")):
        yield (*path, "items"), "The page of a case cannot show a list of lists"


def _can_choose(key: str, parts: list[Json]) -> bool:
    if key == "oneOf" and all(isinstance(part, Mapping) and "const" in part for part in parts):
        return True
    if len(parts) == 2 and {"type": "null"} in parts:  # noqa: PLR2004
        return True
    # Parts that only say what must be given ask for no input of their own.
    return all(isinstance(part, Mapping) and not part.keys() - CONSTRAINTS for part in parts)


def _list_kinds(schema: Json) -> list[str]:
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    return [str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds] if kinds else [])]
