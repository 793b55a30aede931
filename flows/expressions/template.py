"""Templates: any JSON value with ``${ … }`` inside its texts.

A text that is a single expression gives its value, of any type; a longer text gives text. ``$${``
stands for ``${`` itself. Keys of mappings are never evaluated.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.expressions.budget import Budget
from flows.expressions.errors import ExpressionError
from flows.expressions.language import Expression, compile_expression

Json = Any
MAX_TEMPLATE_DEPTH = 60
MAX_TEXT_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Placed:
    """An expression and the path of the text it stands in, such as ``cases[0].when``."""

    path: str
    expression: Expression


class Template:
    """A compiled template. Immutable, shared by threads."""

    def __init__(self, value: Json, parts: "_Part", placed: tuple[Placed, ...]) -> None:
        self.value = value
        self.expressions = placed
        self._part = parts
        self.references: frozenset[str] = frozenset(
            step for item in placed for step in item.expression.references
        )

    @property
    def is_constant(self) -> bool:
        return isinstance(self._part, _Constant)

    def render(self, bindings: Mapping[str, Json]) -> Json:
        """Return the value with every expression evaluated. A constant comes back as it is.

        All expressions share one budget of time and memory.

        Raises:
            ExpressionError: the message begins with the path of the text that failed.
        """
        return self._part.render(bindings, Budget())


def compile_template(value: Json) -> Template:
    """Compile every expression inside a JSON value.

    Raises:
        ExpressionError: the message begins with the path of the text that is wrong.
    """
    part = _compile_part(value, "", 0)
    return Template(value, part, tuple(part.list_placed()))


class _Part:
    """A compiled piece of a template."""

    def render(self, bindings: Mapping[str, Json], budget: Budget) -> Json:
        raise NotImplementedError

    def list_placed(self) -> Iterator[Placed]:
        return iter(())


@dataclass(frozen=True, slots=True)
class _Constant(_Part):
    value: Json

    def render(self, bindings: Mapping[str, Json], budget: Budget) -> Json:
        return self.value


@dataclass(frozen=True, slots=True)
class _Single(_Part):
    path: str
    expression: Expression

    def render(self, bindings: Mapping[str, Json], budget: Budget) -> Json:
        try:
            return self.expression.evaluate(bindings, budget)
        except ExpressionError as error:
            raise _add_path(self.path, error) from error

    def list_placed(self) -> Iterator[Placed]:
        yield Placed(self.path, self.expression)


@dataclass(frozen=True, slots=True)
class _Mixed(_Part):
    path: str
    pieces: tuple[str | Expression, ...]

    def render(self, bindings: Mapping[str, Json], budget: Budget) -> Json:
        try:
            texts = [
                piece if isinstance(piece, str) else format_value(piece.evaluate(bindings, budget))
                for piece in self.pieces
            ]
            length = sum(map(len, texts))
            if length > MAX_TEXT_CHARACTERS:
                raise ExpressionError("The text becomes too long.", "Put in shorter values.")
            budget.spend(length)
        except ExpressionError as error:
            raise _add_path(self.path, error) from error
        return "".join(texts)

    def list_placed(self) -> Iterator[Placed]:
        return (Placed(self.path, piece) for piece in self.pieces if not isinstance(piece, str))


@dataclass(frozen=True, slots=True)
class _Mapping(_Part):
    parts: Mapping[str, _Part]

    def render(self, bindings: Mapping[str, Json], budget: Budget) -> Json:
        return {key: part.render(bindings, budget) for key, part in self.parts.items()}

    def list_placed(self) -> Iterator[Placed]:
        return (item for part in self.parts.values() for item in part.list_placed())


@dataclass(frozen=True, slots=True)
class _List(_Part):
    parts: tuple[_Part, ...]

    def render(self, bindings: Mapping[str, Json], budget: Budget) -> Json:
        return [part.render(bindings, budget) for part in self.parts]

    def list_placed(self) -> Iterator[Placed]:
        return (item for part in self.parts for item in part.list_placed())


def _compile_part(value: Json, path: str, depth: int) -> _Part:
    """Return the compiled value, as a constant wherever it holds no expression."""
    if depth > MAX_TEMPLATE_DEPTH:
        raise ExpressionError("The value nests too deeply.", "Flatten it.")
    if isinstance(value, str):
        return _compile_text(value, path) if "${" in value else _Constant(value)
    if isinstance(value, Mapping):
        fields = {
            key: _compile_part(item, f"{path}.{key}" if path else str(key), depth + 1)
            for key, item in value.items()
        }
        return _Constant(value) if _are_constant(fields.values()) else _Mapping(fields)
    if isinstance(value, list | tuple):
        items = tuple(
            _compile_part(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)
        )
        return _Constant(value) if _are_constant(items) else _List(items)
    return _Constant(value)


def _are_constant(parts: Any) -> bool:
    """Return whether all parts are constant, and none of them contained ``$${``."""
    return all(isinstance(part, _Constant) and not isinstance(part, _Unescaped) for part in parts)


class _Unescaped(_Constant):
    """A text in which ``$${`` became ``${``, so that the value around it changes too."""


def _compile_text(text: str, path: str) -> _Part:
    try:
        pieces = tuple(_split(text))
    except ExpressionError as error:
        raise _add_path(path, error) from error
    if len(pieces) == 1 and isinstance(pieces[0], Expression):
        return _Single(path, pieces[0])
    if all(isinstance(piece, str) for piece in pieces):
        return _Unescaped("".join(map(str, pieces)))
    return _Mixed(path, pieces)


def _split(text: str) -> Iterator[str | Expression]:
    """Yield the text between expressions, and the expressions, in order."""
    at = 0
    while at < len(text):
        start = text.find("${", at)
        if start < 0:
            yield text[at:]
            return
        if text[start - 1 : start] == "$" and start > at:
            yield text[at : start - 1] + "${"
            at = start + 2
            continue
        if start > at:
            yield text[at:start]
        end = _find_end(text, start + 2)
        try:
            yield compile_expression(text[start + 2 : end].strip())
        except ExpressionError as error:
            place = (
                None if error.position is None else error.position + _find_source(text, start + 2)
            )
            raise ExpressionError(error.message, error.remedy, place) from error
        at = end + 1


def _find_source(text: str, start: int) -> int:
    """Return the place of the expression, after the spaces that begin at ``start``."""
    return len(text) - len(text[start:].lstrip())


def _find_end(text: str, start: int) -> int:
    """Return the place of the brace that closes ``${``; braces inside quotes do not count."""
    at, depth = start, 0
    while at < len(text):
        sign = text[at]
        if sign in "'\"":
            at = _skip_quote(text, at)
            continue
        if sign == "}" and depth == 0:
            return at
        depth += (sign == "{") - (sign == "}")
        at += 1
    raise ExpressionError(
        "`${` is not closed.", "Add `}`, or write `$${` for `${` itself.", start - 2
    )


def _skip_quote(text: str, at: int) -> int:
    """Return the place after the quoted text that begins here."""
    quote = text[at : at + 3] if text[at : at + 3] in {"'''", '"""'} else text[at]
    raw = at > 0 and text[at - 1] in "rR"
    at += len(quote)
    while at < len(text):
        if text[at] == "\\" and not raw:
            at += 2
        elif text.startswith(quote, at):
            return at + len(quote)
        else:
            at += 1
    return at


def format_value(value: Json) -> str:
    """Return the value as it stands inside a longer text. Raises: ExpressionError for null."""
    match value:
        case str():
            return value
        case None:
            raise ExpressionError(
                "A value inside the text is null.", "Say what to write then: x == null ? '' : x."
            )
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return json.dumps(value, ensure_ascii=False)


def _add_path(path: str, error: ExpressionError) -> ExpressionError:
    """Return the error with the path of its text before the message."""
    message = f"{path}: {error.message}" if path else error.message
    return ExpressionError(message, error.remedy, error.position)
