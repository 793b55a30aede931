"""Evaluate policies in processes of their own, bounded in time and memory.

A policy is written by people, and can loop or grow without end. A child keeps what it has compiled:
it is told a policy again only if it does not know it.
"""

import json
from collections.abc import Sequence
from typing import Any

from flows.expressions import ExpressionError, compile_expression
from flows.expressions.apart import evaluate_apart
from flows.policies.model import (
    LARGEST_INPUT,
    UNDEFINED,
    Decision,
    Policy,
    read_decision,
    refuse,
)
from workbench.apart.children import Children, NoAnswer, TooManyAsk

Json = Any
SECONDS = 2.0
SECONDS_TO_CHECK = 5.0
# Each answers within a fraction of a millisecond as a rule; the others are for slow policies.
_children = Children("flows.policies.child", most=4, seconds=SECONDS, seconds_to_wait=5.0)


def decide(policy: Policy, given: Json) -> Decision:
    """Return what the policy decides on the input. Never raises: what goes wrong is a refusal."""
    if len(json.dumps(given)) > LARGEST_INPUT:
        return refuse("error", f"The input has more than {LARGEST_INPUT:,} bytes.")
    return (_ask_rego if policy.language == "rego" else _ask_cel)(policy, given)


def _ask_cel(policy: Policy, given: Json) -> Decision:
    try:
        return read_decision(evaluate_apart(policy.source, {"input": given}))
    except ExpressionError as error:
        return refuse("error", f"The policy failed: {error}")


def _ask_rego(policy: Policy, given: Json) -> Decision:
    request: dict[str, Json] = {"digest": policy.digest, "input": given}
    try:
        answer = _children.ask(request)
        if "unknown" in answer:
            answer = _children.ask({**request, "policy": policy.as_json()})
    except TooManyAsk:
        return refuse("busy", "Too many policies are being evaluated.")
    except NoAnswer:
        return refuse("timeout", f"The policy took more than {SECONDS:g} s, or too much memory.")
    if "error" in answer:
        return refuse("error", f"The policy failed: {answer['error']}")
    return read_decision(UNDEFINED if "undefined" in answer else answer["value"])


def find_problems(policy: Policy) -> Sequence[tuple[int, str]]:
    """Return what keeps the policy from being used: the line, 0 for none, and what is wrong."""
    if policy.language == "cel":
        return _find_cel_problems(policy.source)
    try:
        answer = _children.ask({"check": policy.as_json()}, seconds=SECONDS_TO_CHECK)
    except TooManyAsk:
        return [(0, "Too many policies are being looked at. Try it again.")]
    except NoAnswer:
        return [(0, "It takes too long, or too much memory, to compile.")]
    return [(line, message) for line, message in answer["problems"]]


def _find_cel_problems(source: str) -> Sequence[tuple[int, str]]:
    try:
        compile_expression(source)
    except ExpressionError as error:
        return [(source[: error.position or 0].count("\n") + 1, str(error))]
    return ()
