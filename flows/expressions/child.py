"""The program of ``flows.expressions.apart``.

A request is ``[kind, expression or template, bindings]``; its answer is ``{value}`` or
``{error: [message, remedy, position]}``.
"""

from typing import Any

from flows.expressions.errors import ExpressionError
from flows.expressions.language import compile_expression
from flows.expressions.template import compile_template
from workbench.apart.program import serve

Json = Any
# For the copies of the longest list that one expression may build (flows.expressions.cost), about
# 900 MB, and the program itself.
MOST_BYTES = 1536 * 1024 * 1024


def answer(request: Json) -> dict[str, Json]:
    """Return the value, or the error of an expression that has none."""
    kind, what, bindings = request
    try:
        if kind == "expression":
            return {"value": compile_expression(what).evaluate(bindings)}
        return {"value": compile_template(what).render(bindings)}
    except ExpressionError as error:
        return {"error": [error.message, error.remedy, error.position]}


if __name__ == "__main__":
    serve(answer, most_bytes=MOST_BYTES)
