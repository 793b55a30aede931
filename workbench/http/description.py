"""The OpenAPI document: what an operation takes, whom it lets in, every answer it may give."""

import re
import sys
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, get_args

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from pydantic import BaseModel

from workbench.http.idempotency import LONGEST_KEY
from workbench.http.limits import JSON, WITH_BODY, get_body_limit
from workbench.http.preconditions import ANY, TAGS
from workbench.http.problems import CONTENT_TYPE

Json = Any
PROBLEM: dict[str, Json] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong and what to do about it (RFC 9457).",
    "required": ["type", "title", "status", "detail", "remedy", "errors"],
    "properties": {
        "type": {
            "type": "string",
            "description": "`urn:countersign:problem:<code>`; it is stable.",
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "remedy": {"type": "string", "description": "What to do next; may be empty."},
        "errors": {
            "type": "array",
            "description": "Each fault with its place.",
            "items": {
                "type": "object",
                "required": ["at", "message"],
                "properties": {"at": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "revision": {"type": "string", "description": "With 412: the revision there is now."},
        "changed_by": {"type": ["string", "null"], "description": "With 412: who saved it."},
        "changed_at": {"type": ["string", "null"], "format": "date-time"},
    },
}
REASONS = {
    400: "The body cannot be read.",
    401: "No valid API token or session.",
    403: "You may not do this.",
    404: "There is no such thing, or you may not know of it.",
    409: "The state of things does not allow it, or has changed meanwhile.",
    410: "It was there, and is no more what it was.",
    412: "Somebody saved another revision since the one that If-Match names.",
    413: "The body, or what it would make, is too large.",
    415: "The body is of a type that this address does not take.",
    422: "Something that was sent does not hold; `errors` has the places.",
    428: "What was seen is not stated: If-Match is missing, or the field that `errors` names.",
    429: "That was asked too often. Wait as long as Retry-After says.",
    501: "The server lacks what this needs; `remedy` says what.",
    503: "The database or the disk does not answer. Send the same again.",
}
# Beyond 2^53 - 1 a whole number changes in programs that read JSON numbers as doubles.
MOST: dict[str, float] = {"integer": 2**53 - 1, "number": sys.float_info.max}
BOUNDS = frozenset({"maxLength", "enum", "const", "format"})
IDEMPOTENCY_KEY: dict[str, Json] = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "Repeat the request unchanged with the same key, and get the same answer.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_KEY,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    },
}
ETAG: dict[str, Json] = {
    "description": "The revision in double quotes, for If-Match.",
    "schema": {"type": "string"},
}
IF_MATCH: dict[str, Json] = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "description": "The ETag of the revision that this changes, or rests on; `*` takes whatever is"
    " there. Without it an object that is there is left as it is, and the answer is 428.",
    "schema": {"type": "string", "pattern": f"^({re.escape(ANY)}|{TAGS.pattern})$"},
}
IF_NONE_MATCH: dict[str, Json] = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "description": "`*` only makes an object: one that is there already answers 412.",
    "schema": {"type": "string", "enum": [ANY]},
}


class SchemaNamedTwice(Exception):
    """Two different schemas have one name, so that one would be published in place of the other."""


class Description(OpenAPISchema):
    """The document of a GuardedApi. Raises: SchemaNamedTwice."""

    def __init__(self, api: NinjaAPI, path_prefix: str) -> None:
        super().__init__(api, path_prefix)
        self._write_tuples()
        self._bound_values()

    def get_components(self) -> dict[str, Json]:
        self.add_schema_definitions({"Problem": PROBLEM})
        components: dict[str, Json] = super().get_components()
        return components

    def add_schema_definitions(self, definitions: dict[str, Json]) -> None:
        for name, schema in definitions.items():
            if self.schemas.setdefault(name, schema) != schema:
                raise SchemaNamedTwice(f"Two different schemas are named {name}: rename one.")

    def operation_details(self, operation: Operation) -> dict[str, Json]:
        details: dict[str, Json] = super().operation_details(operation)
        permission = getattr(operation.view_func, "required_permission", None) or ""
        details["x-permission"] = permission
        for scheme in details.get("security", ()):
            scheme.update({name: [permission] for name in scheme})
        if "POST" in operation.methods:
            details["parameters"] = [*details["parameters"], IDEMPOTENCY_KEY]
        details["responses"] = {
            **{str(status): answer for status, answer in details["responses"].items()},
            **{str(status): _describe_problem(status) for status in list_errors(operation)},
        }
        _describe_revision(operation, details)
        return details

    def request_body(self, operation: Operation) -> dict[str, Json]:
        types = getattr(operation.view_func, "accepted_types", JSON)
        body: dict[str, Json] = super().request_body(operation)
        if types != JSON and not body and not (operation.openapi_extra or {}).get("requestBody"):
            return {
                "required": True,
                "content": {each: {"schema": _describe_content(each)} for each in sorted(types)},
            }
        return body

    def _bound_values(self) -> None:
        """Give what has no bound of its own in a request body the bound that everything has.

        Of a text it is the size of the whole body, of a number what JSON carries exactly.
        """
        for body in self._list_bodies():
            for schema in walk_schemas(body, self["components"]["schemas"]):
                kind = schema.get("type")
                if kind == "string" and not schema.keys() & BOUNDS:
                    schema["maxLength"] = get_body_limit()
                if kind in MOST and "enum" not in schema:
                    schema.update(_bound_number(schema, MOST[kind]))

    def _write_tuples(self) -> None:
        """Write tuples as lists of so many items: 3.1 has no list of schemas in ``items``."""
        components = self["components"]["schemas"]
        for component in components.values():
            for schema in walk_schemas(component, components):
                kinds = schema.get("items") or schema.pop("prefixItems", None)
                if isinstance(kinds, list):
                    schema["items"] = {"anyOf": kinds}
                    schema["minItems"] = schema["maxItems"] = len(kinds)

    def _list_bodies(self) -> Iterator[dict[str, Json]]:
        for item in self["paths"].values():
            for details in item.values():
                for content in details.get("requestBody", {}).get("content", {}).values():
                    yield content["schema"]


def ensure_unique_names(routers: Iterable[Any]) -> None:
    """Check that no two classes of the API's schemas share a name. Raises: SchemaNamedTwice."""
    known: dict[str, type] = {}
    for used in _list_schemas(routers):
        other = known.setdefault(used.__name__, used)
        if other is not used:
            raise SchemaNamedTwice(
                f"{used.__module__} and {other.__module__} both have a schema named "
                f"{used.__name__}: rename one."
            )


def _list_schemas(routers: Iterable[Any]) -> Iterator[type]:
    """Yield the classes that the operations take and give, without what ninja wraps them in."""
    for router in routers:
        for view in router.path_operations.values():
            for operation in view.operations:
                for wrapper in (*operation.models, *operation.response_models.values()):
                    for field in getattr(wrapper, "model_fields", {}).values():
                        yield from _list_classes(field.annotation, set())


def _list_classes(annotation: Json, seen: set[Json]) -> Iterator[type]:
    """Yield the schemas and enums inside a type."""
    for part in get_args(annotation):
        yield from _list_classes(part, seen)
    if not isinstance(annotation, type) or annotation in seen:
        return
    seen.add(annotation)
    if issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _list_classes(field.annotation, seen)
    elif issubclass(annotation, Enum):
        yield annotation


def list_errors(operation: Operation) -> list[int]:
    """Return the statuses with which an operation may refuse a request."""
    found = {401, 403, 422, 503, *getattr(operation.view_func, "further_errors", ())}
    if "{" in operation.path:
        found.add(404)
    if not WITH_BODY.isdisjoint(operation.methods):
        found |= {400, 404, 409, 413, 415}
    if hasattr(operation.view_func, "edits") or hasattr(operation.view_func, "rests_on"):
        found |= {412, 428}
    return sorted(found)


def _describe_revision(operation: Operation, details: dict[str, Json]) -> None:
    """Describe the headers by which a route tells and takes the revision of what it edits."""
    view = operation.view_func
    if hasattr(view, "edits"):
        creates = getattr(view, "creates", False)
        headers = [IF_MATCH, IF_NONE_MATCH] if creates else [IF_MATCH]
        details["parameters"] = [*details["parameters"], *headers]
    if hasattr(view, "rests_on"):
        details["parameters"] = [*details["parameters"], IF_MATCH]
    if hasattr(view, "edits") or hasattr(view, "shows"):
        for status, answer in details["responses"].items():
            if status in {"200", "201", "412"}:
                answer["headers"] = {"ETag": ETAG}


def _bound_number(schema: dict[str, Json], most: float) -> dict[str, Json]:
    bounds = {"minimum": -most, "maximum": most}
    return {
        name: value
        for name, value in bounds.items()
        if not {name, f"exclusive{name.capitalize()}"} & schema.keys()
    }


def _describe_problem(status: int) -> dict[str, Json]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": REASONS[status], "content": {CONTENT_TYPE: problem}}


def _describe_content(media_type: str) -> dict[str, Json]:
    return {} if media_type in JSON else {"type": "string", "format": "binary"}


def walk_schemas(
    schema: Json, components: dict[str, Json], seen: set[str] | None = None
) -> Iterator[dict[str, Json]]:
    """Yield a schema and every schema inside it, going into each component once."""
    seen = set() if seen is None else seen
    if isinstance(schema, list):
        for each in schema:
            yield from walk_schemas(each, components, seen)
    if not isinstance(schema, dict):
        return
    yield schema
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name and name not in seen:
        seen.add(name)
        yield from walk_schemas(components[name], components, seen)
    for key in ("items", "additionalProperties", "anyOf", "oneOf", "allOf", "prefixItems"):
        yield from walk_schemas(schema.get(key), components, seen)
    for each in schema.get("properties", {}).values():
        yield from walk_schemas(each, components, seen)
