"""Compile Rego modules and evaluate them, by regopy. Only in a child: see ``child``.

Errors of functions are errors, and not undefined as is Rego's custom: a rule that should refuse
must not pass over what it cannot look at. Functions that reach outside, or whose answer depends on
more than their arguments, are refused when a module is compiled.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regopy import Bundle, Interpreter, LogLevel, RegoError
from regopy.rego_shared import (
    rego_bundle_query,
    rego_free_output,
    rego_output_ok,
    rego_output_string,
)

from flows.policies.model import UNDEFINED, Policy, Undefined

Json = Any
FILE = "policy.rego"
# What must not be reached, and what gives another answer each time.
REFUSED = frozenset({
    "http.send", "net.lookup_ip_addr", "opa.runtime", "rand.intn", "time.now_ns", "trace",
    "uuid.rfc4122",
})  # fmt: skip
_ERROR = re.compile(r"\(error \d+:policy\.rego\|(\d+)\|\d+\s*\(errormsg \d+:(.*?)\)\s*\(errorast")
_MESSAGE = re.compile(r"\(errormsg \d+:(.*?)\)\s*(?:\(errorast|$)", re.S)
_BINDING = "answer"


class RegoRefused(Exception):
    """The module cannot be used. ``line`` is 0 where no line is known."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(frozen=True)
class Compiled:
    """A module with its data, ready to be asked."""

    interpreter: Interpreter
    bundle: Bundle

    def evaluate(self, given: Json) -> Json | Undefined:
        """Raises: RegoRefused."""
        # As text: the other way in loses digits, and the rest of a text after a zero byte.
        self.interpreter.set_input_term(json.dumps(given))
        was_right, text = self._query()
        if not was_right:
            raise RegoRefused(self._explain())
        if text.startswith("(error"):
            found = _MESSAGE.search(text)
            raise RegoRefused(f"{found[1] if found else 'The engine reports an error'}.")
        if text == "undefined":
            return UNDEFINED
        answer: Json = json.loads(text)
        return answer.get("bindings", {}).get(_BINDING, UNDEFINED)

    def _query(self) -> tuple[bool, str]:
        output = rego_bundle_query(self.interpreter._impl, self.bundle._impl)  # noqa: SLF001
        try:
            return rego_output_ok(output), rego_output_string(output)
        finally:
            rego_free_output(output)

    def _explain(self) -> str:
        """Return what went wrong: the engine does not say, but lets errors of functions pass."""
        self.interpreter.strict_built_in_errors = False
        try:
            is_of_function = self._query()[0]
        finally:
            self.interpreter.strict_built_in_errors = True
        if is_of_function:
            return "A function got what it cannot work with."
        return "Two rules give different values for one name."


class RegoInvalid(RegoRefused):
    """The module cannot be used at all. ``problems`` has each, by line."""

    def __init__(self, problems: list[RegoRefused]) -> None:
        first = problems[0]
        super().__init__(f"Line {first.line}: {first}" if first.line else str(first), first.line)
        self.problems = problems


def find_problems(policy: Policy) -> list[RegoRefused]:
    """Return what keeps the module from being used, by line."""
    try:
        compile_rego(policy)
    except RegoInvalid as invalid:
        return invalid.problems
    return []


def compile_rego(policy: Policy) -> Compiled:
    """Return the module, ready to be asked. Raises: RegoInvalid."""
    if not policy.asked:
        none = RegoRefused("The module names no package: begin it with `package NAME`.", 1)
        raise RegoInvalid([none])
    compiled = _compile(policy)
    used, defined = _list_functions(compiled)
    problems = [
        RegoRefused(_explain_function(name), _find_line(policy.source, name))
        for name in sorted(used)
        if name in REFUSED or name not in defined
    ]
    if problems:
        raise RegoInvalid(problems)
    return compiled


def _compile(policy: Policy) -> Compiled:
    interpreter = Interpreter()
    interpreter.log_level = LogLevel.NONE
    interpreter.strict_built_in_errors = True
    try:
        interpreter.add_data_json(json.dumps(dict(policy.data)))
        interpreter.add_module(FILE, policy.source)
        bundle = interpreter.build(f"{_BINDING}={policy.asked}")
    except RegoError as error:
        raise RegoInvalid(_read_errors(policy.source, str(error))) from error
    if not bundle.ok():
        raise RegoInvalid([RegoRefused("The module cannot be compiled.")])
    return Compiled(interpreter, bundle)


def _read_errors(source: str, text: str) -> list[RegoRefused]:
    encoded = source.encode()
    # Of what is never closed, all that surrounds it is reported too: the innermost is meant.
    found = dict(
        sorted(
            (message, encoded[: int(offset)].count(b"\n") + 1)
            for offset, message in _ERROR.findall(text)
        )
    )
    problems = [
        RegoRefused(f"{message[:1].upper()}{message[1:]}.", n) for message, n in found.items()
    ]
    return sorted(problems, key=lambda each: each.line) or [
        RegoRefused("The module cannot be read.")
    ]


def _list_functions(compiled: Compiled) -> tuple[set[str], set[str]]:
    """Return the functions that the module calls, and those that there are."""
    with tempfile.TemporaryDirectory() as folder:
        compiled.interpreter.save_bundle(folder, compiled.bundle)
        plan = json.loads((Path(folder) / "plan.json").read_text())
    builtin = {each["name"] for each in plan["static"]["builtin_funcs"]}
    own = {each["name"] for each in plan["funcs"]["funcs"]}
    return {*_list_calls(plan), *builtin}, builtin | own


def _list_calls(node: Json) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "CallStmt":
            yield node["stmt"]["func"]
        node = list(node.values())
    for each in node if isinstance(node, list) else ():
        yield from _list_calls(each)


def _explain_function(name: str) -> str:
    if name in REFUSED:
        return f"`{name}` is not available: pass what it would tell in the input."
    return f"There is no function `{name}`."


def _find_line(source: str, name: str) -> int:
    """Return the first line in which the name stands, 0 for none."""
    short = name.rpartition(".")[2]
    lines = source.split("\n")
    at = (n for word in (name, short) for n, line in enumerate(lines, 1) if word in line)
    return next(at, 0)
