"""What is wrong with the routing of a raw config, as its author sees it."""

from collections.abc import Iterator, Mapping, Sequence

from flows.graph.json_values import format_path
from flows.graph.model import Step
from flows.graph.problems import Problem, error, warning
from flows.steps.base import Json, text_of
from flows.steps.routing import list_named


def check_routing(step: Step, *, may_be_sure: bool = True) -> Sequence[Problem]:
    """Return the problems; ``may_be_sure`` says whether answers can have a confidence."""
    routing = step.config.get("routing")
    if not isinstance(routing, Mapping) or not routing:
        return ()
    return [
        *_check_names(step),
        *_check_shares(step, routing.get("shares")),
        *_check_unsure(step, routing, may_be_sure=may_be_sure),
        *_check_order(step, routing),
    ]


def _check_names(step: Step) -> Iterator[Problem]:
    """Yield a problem for each name that stands a second time where once is meant."""
    seen = {text_of(step.config.get("model")): "with.model"}
    for path, name in list_named(step.config):
        field = format_path(path)
        # A model may begin for a share of the runs, and be fallen back on in the others.
        is_share_of_fallback = path[2] == "shares" and ".then" in seen.get(name, "")
        if name in seen and not is_share_of_fallback:
            yield error(
                "routing.twice", step.id, field, f"The model {name} is named by {seen[name]} too.",
                "Name each model once.",
            )  # fmt: skip
        seen.setdefault(name, field)


def _check_shares(step: Step, shares: Json) -> Iterator[Problem]:
    if not isinstance(shares, Mapping):
        return
    numbers = {name: each for name, each in shares.items() if isinstance(each, int | float)}
    for name, share in numbers.items():
        if not 0 <= share <= 1:
            yield error(
                "routing.shares", step.id, f"with.routing.shares.{name}",
                f"A share is 0 to 1 (it is {share:g}).", "Write 0.1 for every tenth run.",
            )  # fmt: skip
    total = sum(numbers.values())
    if total > 1 + 1e-9:
        yield error(
            "routing.shares", step.id, "with.routing.shares",
            f"The shares add up to {total:g}, which is more than all runs.",
            "Lower them to 1 at most; what is left begins with the step's model.",
        )  # fmt: skip


def _check_unsure(
    step: Step, routing: Mapping[str, Json], *, may_be_sure: bool
) -> Iterator[Problem]:
    if routing.get("unsure_below") is None:
        return
    field = "with.routing.unsure_below"
    if not routing.get("then") and not routing.get("shares"):
        yield error(
            "routing.unsure", step.id, field, "Nobody is asked when the model is unsure.",
            "Name a model under `then`, or remove `unsure_below`.",
        )  # fmt: skip
    elif not may_be_sure:
        yield error(
            "routing.unsure", step.id, field,
            "The answers have no confidence, so that every model counts as unsure.",
            "Choose how the confidence is found, or remove `unsure_below`.",
        )  # fmt: skip


def _check_order(step: Step, routing: Mapping[str, Json]) -> Iterator[Problem]:
    is_cheapest = routing.get("order") == "cheapest"
    if is_cheapest and not routing.get("then"):
        yield error(
            "routing.order", step.id, "with.routing.order", "There is one model to choose from.",
            "Name others under `then`, or remove `order`.",
        )  # fmt: skip
    if routing.get("within_ms") is not None and not is_cheapest:
        yield warning(
            "routing.order", step.id, "with.routing.within_ms",
            "It counts only where the cheapest is asked first.",
            "Set `order: cheapest`, or remove it.",
        )  # fmt: skip
