"""The error of expressions, and CEL's own errors in the words of an author.

A message never repeats a value, which may be secret or personal.
"""

import re
from difflib import get_close_matches

VARIABLES = ("input", "steps", "run", "item", "index", "secrets")


class ExpressionError(ValueError):
    """An expression cannot be compiled, or gave no value that can be used.

    ``position`` counts characters from 0 into the expression's source, where known.
    """

    def __init__(self, message: str, remedy: str, position: int | None = None) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy
        self.position = position


_TYPES = {
    "int": "a whole number", "int64": "a whole number", "uint64": "an unsigned number",
    "double": "a decimal number", "string": "text", "bool": "true or false", "null": "null",
    "map": "a mapping", "list": "a list", "bytes": "bytes", "timestamp": "a time",
    "duration": "a duration", "dyn": "a value",
}  # fmt: skip
_FIRST = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\(?(.*?)\)?'\Z")
_RUN_OVERLOAD = re.compile(r"No matching overloads found : (\S+?)\((.*)\)\Z")


def explain_compile_error(source: str, text: str) -> ExpressionError:
    """Return the compiler's error in an author's words, with its place."""
    found = _FIRST.search(text)
    if not found:
        return ExpressionError(
            "The expression is nested too deeply.", "Split it into several transform steps."
        )
    line, column, reason = int(found[1]), int(found[2]), found[3]
    position = _find_offset(source, line, column)
    if undeclared := _UNDECLARED.search(reason):
        return _explain_undeclared(source, undeclared[1], position)
    if overload := _OVERLOAD.search(reason):
        return ExpressionError(*_explain_mismatch(overload[1], overload[2]), position)
    if "recursion" in reason:
        return ExpressionError(
            "The expression is nested too deeply or has too many terms.",
            "Split it into several transform steps.",
            position,
        )
    if "Syntax error" in reason:
        return ExpressionError(
            _explain_syntax(source, reason), "Check quotes and brackets.", position
        )
    return ExpressionError(f"{reason[:1].upper()}{reason[1:]}.", "Correct it.", position)


def _find_offset(source: str, line: int, column: int) -> int | None:
    if line < 1:
        return None
    before = source.splitlines(keepends=True)[: line - 1]
    return min(sum(map(len, before)) + max(column - 1, 0), len(source))


def _explain_undeclared(source: str, name: str, position: int | None) -> ExpressionError:
    root = name.partition(".")[0]
    if position is not None and source[position : position + 1] == ".":
        position = max(source.rfind(root, 0, position), 0)  # CEL points behind the name
    if re.search(rf"\b{re.escape(root)}\s*\(", source):
        return ExpressionError(
            f"There is no function {root}.",
            "Use CEL's own functions, such as size, has, string, double, contains or split.",
            position,
        )
    close = get_close_matches(root, VARIABLES, n=1)
    remedy = f"Did you mean {close[0]}?" if close else f"Use one of {', '.join(VARIABLES)}."
    return ExpressionError(f"The name {root} is unknown.", remedy, position)


def _explain_syntax(source: str, reason: str) -> str:
    if "<EOF>" in reason:
        return "The expression ends too early." if source.strip() else "The expression is empty."
    found = re.search(r"(?:input|at:|input at) '([^']{1,20})'", reason)
    return (
        f"The expression cannot be read at {found[1]!r}."
        if found
        else "The expression cannot be read."
    )


def _explain_mismatch(function: str, types: str) -> tuple[str, str]:
    words = [_TYPES.get(part.strip().partition("(")[0], part.strip()) for part in types.split(",")]
    name = function.strip("_@").replace("_", "") or function
    if function in {"<jump_condition>", "_?_:_"}:
        return "The condition is not true or false.", "Compare the value with something."
    message = f"`{name}` does not take {' and '.join(words)}."
    if "a whole number" in words and "a decimal number" in words:
        return message, "Write double(…) around the whole number."
    return message, "Convert one with string(…), double(…) or int(…)."


def explain_run_error(text: str) -> ExpressionError:
    """Return an evaluation's error in an author's words, without the values in it."""
    if overload := _RUN_OVERLOAD.search(text):
        return ExpressionError(*_explain_mismatch(overload[1], overload[2]))
    for sign, message, remedy in _RUN_ERRORS:
        if sign in text:
            return ExpressionError(message, remedy)
    return ExpressionError("The expression gave no value.", "Test it on a sample input.")


_RUN_ERRORS = (
    ("Iteration budget", "The loop is too long.", "Work on fewer than 10,000 items."),
    ("divide by zero", "The expression divides by zero.",
     "Test the divisor first: b != 0 ? a / b : 0."),
    ("modulus by zero", "The expression divides by zero.",
     "Test the divisor first: b != 0 ? a % b : 0."),
    ("overflow", "A number is too large.", "Use double(…) for large numbers."),
    ("out of range for", "A number needs more than 64 bits.", "Pass it as text."),
    ("Key not found", "A field is missing.", "Test it first: has(a.b) ? a.b : 0."),
    ("Index error", "The list has no item at that place.", "Test size(list) first."),
    ("SELECT to non-message", "A field is read from a value that is not a mapping.",
     "Test it with has(…)."),
    ("jump_condition", "The condition is not true or false.", "Compare the value with something."),
    ("No matching overloads", "An operator or function got a value of the wrong kind.",
     "Convert it with string(…), double(…) or int(…)."),
    ("No value with name", "A name has no value here.",
     "item and index exist only inside for-each, secrets only where the step takes them."),
    ("regular expression", "The pattern is not a regular expression.", "Correct the pattern."),
    ("conversion", "The text cannot be converted.", "Check the text with matches(…) first."),
    ("cannot convert", "The text cannot be converted.", "Check the text with matches(…) first."),
    ("Non-CEL value", "A value is not JSON.", "Give text, numbers, lists and mappings only."),
)  # fmt: skip
