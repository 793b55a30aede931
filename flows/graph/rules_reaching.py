"""The rule on what a flow does beyond itself, for which publishing asks for rights."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from flows.graph.model import Document
from flows.graph.problems import Problem, warning
from flows.graph.reaching import Reaching
from flows.graph.view import TypeFacts, View


def list_reaching(document: Document, catalogue: Mapping[str, TypeFacts]) -> list[Reaching]:
    """Return what the steps do beyond their flow, as their types say."""
    return [
        each
        for step in document.steps.values()
        if step.type in catalogue
        for each in catalogue[step.type].reaches(document.name, step)
    ]


def check_reaching(view: View) -> Iterator[Problem]:
    """Say early what publishing will ask for, where the author may do without."""
    for each in list_reaching(view.document, view.catalogue):
        if each.instead:
            needed = " and ".join(each.permissions)
            yield warning(
                "flow.reaches_others",
                each.step,
                each.field,
                f"{each.what}: whoever publishes it needs {needed} {each.where}.",
                f"{each.instead}, or have it published by someone who has that permission.",
            )


REACHING_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (check_reaching,)
