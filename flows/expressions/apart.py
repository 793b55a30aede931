"""Evaluate expressions in processes of their own.

CEL holds the interpreter's lock for as long as it evaluates, up to a second at its limits: on a web
thread no other page of the process would be answered meanwhile. Where somebody tries an expression,
it is therefore evaluated in a child process, whose memory and time are bounded.
"""

from collections.abc import Mapping
from typing import Any

from flows.expressions.errors import ExpressionError
from workbench.apart.children import Children, NoAnswer, TooManyAsk

Json = Any
# Two, so that one slow expression holds up nobody else's.
_children = Children("flows.expressions.child", most=2, seconds=5.0)


def evaluate_apart(source: str, bindings: Mapping[str, Json]) -> Json:
    """Return what ``compile_expression(source).evaluate(bindings)`` returns. Raises: as that."""
    return _ask("expression", source, bindings)


def render_apart(value: Json, bindings: Mapping[str, Json]) -> Json:
    """Return what ``compile_template(value).render(bindings)`` returns. Raises: as that."""
    return _ask("template", value, bindings)


def _ask(kind: str, what: Json, bindings: Mapping[str, Json]) -> Json:
    """Raises: ExpressionError, also if there is no answer in time."""
    try:
        answer = _children.ask([kind, what, bindings])
    except TooManyAsk:
        raise ExpressionError("Too many expressions are being tried.", "Try it again.") from None
    except NoAnswer:
        raise ExpressionError(
            "Evaluating took too long or too much memory.", "Work on a smaller part of the input."
        ) from None
    if "error" in answer:
        raise ExpressionError(*answer["error"])
    return answer["value"]
