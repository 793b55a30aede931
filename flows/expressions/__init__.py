"""CEL expressions and templates, compiled and evaluated. In doubt they raise ExpressionError."""

from flows.expressions.errors import VARIABLES, ExpressionError
from flows.expressions.language import Expression, compile_expression
from flows.expressions.template import Placed, Template, compile_template

__all__ = [
    "VARIABLES",
    "Expression",
    "ExpressionError",
    "Placed",
    "Template",
    "compile_expression",
    "compile_template",
]
