"""Validation: everything that is wrong with a flow, and what to do about it.

A rule is a function from a View to problems, and stands in one of the lists that make up RULES.
No rule raises, whatever the document holds.
"""

from collections.abc import Mapping
from itertools import islice

from flows.graph.model import Document
from flows.graph.problems import MAX_PROBLEMS, DocumentError, Problem, Severity
from flows.graph.rules_config import CONFIG_RULES
from flows.graph.rules_edges import EDGE_RULES
from flows.graph.rules_expressions import EXPRESSION_RULES
from flows.graph.rules_limits import LIMIT_RULES
from flows.graph.rules_paths import PATH_RULES
from flows.graph.rules_secrets import SECRET_RULES
from flows.graph.rules_tests import TEST_RULES
from flows.graph.view import TypeFacts, View

__all__ = ["RULES", "DocumentError", "Problem", "Severity", "TypeFacts", "validate"]

RULES = (
    *CONFIG_RULES, *LIMIT_RULES, *SECRET_RULES, *EDGE_RULES, *PATH_RULES, *EXPRESSION_RULES,
    *TEST_RULES,
)  # fmt: skip


def validate(document: Document, catalogue: Mapping[str, TypeFacts]) -> list[Problem]:
    """Return the problems, at most MAX_PROBLEMS: errors first, in the order of the steps.

    A flow with an error cannot be published; a warning is left to its author's judgement.
    """
    view = View(document, catalogue)
    found = list(islice((problem for rule in RULES for problem in rule(view)), MAX_PROBLEMS))
    order = {name: index for index, name in enumerate(document.steps, start=1)}
    unique = {_key(problem): problem for problem in found}
    return sorted(
        unique.values(),
        key=lambda problem: (problem.severity != "error", order.get(problem.step, 0)),
    )


def _key(problem: Problem) -> tuple[str, ...]:
    return problem.severity, problem.code, problem.step, problem.field, problem.message
