"""Every way in, found by walking the URL configuration and the API's description of itself."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.urls import URLPattern, URLResolver, get_resolver

from workbench.api import api

Json = Any
PREFIX = "api/v1/"
DOCUMENT: Json = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
_SAMPLES = {"uuid": f"{0:032x}", "int": "1"}
_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")


@dataclass(frozen=True)
class Door:
    """One method of one address. ``operation`` is what the API's description says of it."""

    method: str
    route: str
    operation: Json = field(default=None, hash=False, compare=False)

    def __str__(self) -> str:
        return f"{self.method} /{self.route}"

    def url(self, named: dict[str, str]) -> str:
        """Return its address with what ``named`` has after each of the words before it."""
        parts: list[str] = []
        for part in self.route.split("/"):
            parts.append(_ARGUMENT.sub(lambda found: _fill(found, parts, named), part))
        return "/" + "/".join(parts)

    @property
    def arguments(self) -> list[str]:
        return [found[2] for found in _ARGUMENT.finditer(self.route)]

    @property
    def body_schema(self) -> Json:
        content = (self.operation or {}).get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")

    @property
    def queries(self) -> list[str]:
        return self._parameters("query")

    @property
    def headers(self) -> list[str]:
        return self._parameters("header")

    def _parameters(self, place: str) -> list[str]:
        stated = (self.operation or {}).get("parameters", [])
        return [each["name"] for each in stated if each["in"] == place]


def _fill(found: re.Match[str], before: list[str], named: dict[str, str]) -> str:
    words = [part for part in before if part]
    wanted = ("/".join(words[-2:]), words[-1] if words else "", found[2])
    known = (named[word] for word in wanted if word in named)
    return next(known, _SAMPLES.get(found[1] or "str", "1"))


def list_operations() -> list[Door]:
    """Return each operation of the API."""
    return [
        Door(method.upper(), re.sub(r"\{(\w+)\}", r"<\1>", path.lstrip("/")), operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def list_pages(method: str) -> list[Door]:
    """Return each address outside of the API, whether or not it takes the method."""
    routes = (each for each in _walk(get_resolver().url_patterns, ""))
    return [Door(method, route) for route in routes if not route.startswith(PREFIX)]


def _walk(patterns: list[Any], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", str(pattern.pattern))
        route = prefix + plain.lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


@contextmanager
def asked_names() -> Iterator[set[str]]:
    """Collect the names that code looks for in a form or a query while the block runs."""
    asked: set[str] = set()
    methods = ("__getitem__", "get", "getlist", "__contains__")
    originals = {name: getattr(QueryDict, name) for name in methods}

    def listening(original: Any) -> Any:
        def listen(self: QueryDict, key: Any, *args: Any, **options: Any) -> Any:
            if isinstance(key, str):
                asked.add(key)
            return original(self, key, *args, **options)

        return listen

    try:
        for name in methods:
            setattr(QueryDict, name, listening(originals[name]))
        yield asked
    finally:
        for name in methods:
            if name in {"__getitem__"}:
                setattr(QueryDict, name, originals[name])
            else:
                delattr(QueryDict, name)


def whole(schema: Json, depth: int = 0) -> Json:
    """Return a value of the schema with everything that it names, of what the API itself uses."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return whole(DOCUMENT["components"]["schemas"][name], depth)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return whole(schema[choice][0], depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "default" in schema and schema["default"] is not None and depth:
        return schema["default"]
    return _whole_of_type(schema, depth)


_TEXTS_BY_FORMAT = {"date-time": "2027-01-01T08:00:00Z", "date": "2027-01-01", "uuid": f"{0:032x}"}


def _whole_of_type(schema: Json, depth: int) -> Json:
    match schema.get("type"):
        case "object":
            names = schema.get("properties", {}) if depth < 4 else schema.get("required", ())
            properties = schema.get("properties", {})
            return {name: whole(properties[name], depth + 1) for name in names}
        case "array":
            return [whole(schema["items"], depth + 1)] * max(1, schema.get("minItems", 0))
        case "string":
            usual = _TEXTS_BY_FORMAT.get(schema.get("format", ""), "x")
            return usual.ljust(schema.get("minLength", 0), "x")
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return {}
