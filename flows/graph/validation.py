"""Say what is wrong with a flow, and what to do about it.

A rule is one function from a View to problems, in one of the lists RULES is made of; to add a rule
is to write one and list it. No rule raises, whatever the document holds.
"""

from collections.abc import Mapping

from flows.graph.model import Document
from flows.graph.problems import DocumentError, Problem, Severity
from flows.graph.rules_config import CONFIG_RULES
from flows.graph.rules_edges import EDGE_RULES
from flows.graph.rules_expressions import EXPRESSION_RULES
from flows.graph.rules_paths import PATH_RULES
from flows.graph.view import TypeFacts, View

__all__ = ["RULES", "DocumentError", "Problem", "Severity", "TypeFacts", "validate"]

RULES = (*CONFIG_RULES, *EDGE_RULES, *PATH_RULES, *EXPRESSION_RULES)


def validate(document: Document, catalogue: Mapping[str, TypeFacts]) -> list[Problem]:
    """Return every problem, errors first, then in the document's order of steps.

    A flow with an error cannot be published; a warning is for its author to judge.
    """
    view = View(document, catalogue)
    found = [problem for rule in RULES for problem in rule(view)]
    order = {name: index for index, name in enumerate(document.steps, start=1)}
    unique = {_key(problem): problem for problem in found}
    return sorted(
        unique.values(),
        key=lambda problem: (problem.severity != "error", order.get(problem.step, 0)),
    )


def _key(problem: Problem) -> tuple[str, ...]:
    return problem.severity, problem.code, problem.step, problem.field, problem.message
