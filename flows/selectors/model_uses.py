"""The models that a document asks, and which of them are unknown or not for its flow."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from flows.graph.model import Document
from flows.graph.problems import Problem, error
from flows.steps import asking
from flows.steps.asking import Provider
from flows.steps.functions import UnknownFunction, load_functions
from flows.steps.language import find_language_provider, list_language_providers
from flows.steps.models import UnknownModel, find_provider, list_providers
from flows.steps.registry import all_step_types

Json = Any


class StepModel(NamedTuple):
    """A model that a step names. ``serves`` is as in ``ModelUse``."""

    step: str
    field: str
    model: str
    serves: str


def list_model_uses(document: Document) -> list[StepModel]:
    """Return each model that a step of the document names. No queries."""
    known = {type_.name: type_ for type_ in all_step_types()}
    return [
        StepModel(step.id, use.field, use.model, use.serves)
        for step in document.steps.values()
        if step.type in known
        for use in known[step.type].list_models(step.config)
    ]


def find_unusable_models(flow: str, uses: Collection[StepModel]) -> Iterator[Problem]:
    """Yield an error for each model that there is not, or that the flow may not ask.

    At most one query, for the connections, if one was not made within the last second.
    """
    for use in uses:
        try:
            _check(flow, use)
        except asking.UseRefused as refused:
            yield error(refused.code, use.step, use.field, refused.message, refused.remedy)
        except (UnknownModel, UnknownFunction) as unknown:
            yield error(
                "model.unknown", use.step, use.field, str(unknown),
                "Choose one of the models, add a connection, install the package that offers it, "
                "or add the module that registers it to STEP_MODULES.",
            )  # fmt: skip


def _check(flow: str, use: StepModel) -> None:
    """Raises: UseRefused, UnknownModel, UnknownFunction."""
    # The modules that register functions register local models too.
    load_functions()
    providers: list[Provider] = [*list_providers(), *list_language_providers()]
    try:
        provider: Provider = (
            find_language_provider(use.model)
            if use.serves == "language"
            else find_provider(use.model)
        )
    except UnknownModel:
        if (refused := asking.explain_absence(providers, use.model)) is not None:
            raise refused from None
        raise
    asking.check_use(provider, use.model, flow)
    asking.check_sole(provider, providers, use.model)
