"""Validation: everything that is wrong with a flow, and what to do about it.

A rule is a function from a View to problems, and stands in one of the lists that make up RULES.
No rule raises, whatever the document holds.
"""

from collections.abc import Mapping
from itertools import islice

from flows.graph.model import Document
from flows.graph.problems import MAX_PROBLEMS, DocumentError, Problem, Severity, error
from flows.graph.rules_config import CONFIG_RULES
from flows.graph.rules_edges import EDGE_RULES
from flows.graph.rules_expressions import EXPRESSION_RULES
from flows.graph.rules_limits import LIMIT_RULES
from flows.graph.rules_paths import PATH_RULES
from flows.graph.rules_reaching import REACHING_RULES
from flows.graph.rules_rework import REWORK_RULES
from flows.graph.rules_secrets import SECRET_RULES
from flows.graph.rules_tests import TEST_RULES
from flows.graph.view import CONDITION, TypeFacts, View, walk_texts

__all__ = ["RULES", "DocumentError", "Problem", "Severity", "TypeFacts", "validate"]

RULES = (
    *CONFIG_RULES, *LIMIT_RULES, *SECRET_RULES, *EDGE_RULES, *PATH_RULES, *EXPRESSION_RULES,
    *TEST_RULES, *REACHING_RULES, *REWORK_RULES,
)  # fmt: skip


# Compiling one takes up to half a millisecond, and every rule that reads them needs all.
MAX_EXPRESSIONS = 6_000
# The rules of paths look at each step for each step.
MAX_STEPS = 2_500
MAX_EDGES = 10_000


def validate(document: Document, catalogue: Mapping[str, TypeFacts]) -> list[Problem]:
    """Return the problems, at most MAX_PROBLEMS: errors first, in the order of the steps.

    A flow with an error cannot be published; a warning is left to its author's judgement.
    """
    too_large = _find_what_is_too_much(document)
    if too_large is not None:
        return [too_large]
    view = View(document, catalogue)
    found = list(islice((problem for rule in RULES for problem in rule(view)), MAX_PROBLEMS))
    order = {name: index for index, name in enumerate(document.steps, start=1)}
    unique = {_key(problem): problem for problem in found}
    return sorted(
        unique.values(),
        key=lambda problem: (problem.severity != "error", order.get(problem.step, 0)),
    )


def _count_expressions(document: Document) -> int:
    values = [document.output, *(step.config for step in document.steps.values())]
    texts = [each for value in values for each in walk_texts(value)]
    return sum(text.count("${") or path[-1:] == (CONDITION,) for path, text in texts)


def _find_what_is_too_much(document: Document) -> Problem | None:
    for word, count, most in (
        ("steps", len(document.steps), MAX_STEPS),
        ("edges", len(document.edges), MAX_EDGES),
        ("expressions", _count_expressions(document), MAX_EXPRESSIONS),
    ):
        if count > most:
            message = f"The document has {count:,} {word}; at most {most:,} are checked."
            remedy = "Split the flow into subflows."
            return error("document.too_large", "", "", message, remedy)
    return None


def _key(problem: Problem) -> tuple[str, ...]:
    return problem.severity, problem.code, problem.step, problem.field, problem.message
