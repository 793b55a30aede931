"""The program of ``flows.expressions.apart``: a request on each line of its input.

A request is ``[kind, expression or template, bindings]``; its answer, a line too, is ``{value}`` or
``{error: [message, remedy, position]}``.
"""

import json
import resource
import sys
from typing import Any

from flows.expressions.errors import ExpressionError
from flows.expressions.language import compile_expression
from flows.expressions.template import compile_template

Json = Any
# For the copies of the longest list that one expression may build (flows.expressions.cost), about
# 900 MB, and the program itself.
MOST_BYTES = 1536 * 1024 * 1024


def answer(kind: str, what: Json, bindings: dict[str, Json]) -> dict[str, Json]:
    """Return the value, or the error of an expression that has none."""
    try:
        if kind == "expression":
            return {"value": compile_expression(what).evaluate(bindings)}
        return {"value": compile_template(what).render(bindings)}
    except ExpressionError as error:
        return {"error": [error.message, error.remedy, error.position]}


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        sys.stdout.write(json.dumps(answer(*json.loads(line)), separators=(",", ":")) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
