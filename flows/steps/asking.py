"""What a provider says of a model before it is asked: by whom it may be, and how often.

A provider whose models are rows implements ``GuardingProvider`` beside its own protocol; the other
providers serve every flow, without a limit. What such a provider keeps of its rows is registered by
``register_kept``: the gate before a step runs on the event loop, where no query may be made.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

from flows.policies.points import CONNECTION, judge_step
from flows.steps.base import DestinationLimit
from flows.steps.functions import UnknownFunction
from flows.steps.language import LanguageProvider, list_language_providers
from flows.steps.models import LOCAL, ModelProvider, UnknownModel, list_providers
from flows.steps.routing import Figures

Provider = ModelProvider | LanguageProvider


class UseRefused(LookupError):
    """The model may not be asked by this flow, or not in this way: why, and what to do."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.code, self.message, self.remedy = code, message, remedy


@runtime_checkable
class GuardingProvider(Protocol):
    """A provider that says who may ask each of its models."""

    def destination_of(self, model: str) -> str:
        """Return the name under which the model's calls share a breaker and a limit."""

    def limit_of(self, model: str) -> DestinationLimit | None:
        """Return the limit on all calls of the model."""

    def check_use(self, model: str, flow: str) -> None:
        """Raises: UseRefused, where the flow may not ask the model."""

    def explain_absence(self, model: str) -> UseRefused | None:
        """Return why a model of that name is not served, None if there is none."""


@runtime_checkable
class HoldingProvider(Protocol):
    """A provider that holds a call which no gate has let pass, by breaker and limit."""

    def holding(self, model: str) -> AbstractContextManager[None]:
        """Let one step's call be made inside, in its thread. Raises: StepFailure, on entering."""


@runtime_checkable
class RatingProvider(Protocol):
    """A provider that knows what its models cost and how fast they are."""

    def figures_of(self, model: str) -> Figures:
        """Return what is known. May make queries, but not for each call."""


@runtime_checkable
class RevisedProvider(Protocol):
    """A provider whose models change without another version."""

    def revision_of(self, model: str) -> str:
        """Return a text that changes with all that answers may depend on."""


class KeptRows(Protocol):
    """A process's copy of rows, which is read again when it is old."""

    @property
    def is_stale(self) -> bool: ...

    def refresh(self) -> None:
        """Read the rows again. Raises: DatabaseError, if they have not been read before."""


_KEPT: list[KeptRows] = []


def register_kept(rows: KeptRows) -> None:
    """Have the rows read again, where they are old, before a step that asks a model is judged."""
    _KEPT.append(rows)


def list_stale() -> list[KeptRows]:
    """Return what should be read again in a thread before the event loop uses it."""
    return [rows for rows in _KEPT if rows.is_stale]


def destination_of(provider: Provider, model: str) -> str | None:
    """Return what a call of the model needs, None if it runs in this process."""
    if isinstance(provider, GuardingProvider):
        return provider.destination_of(model)
    # A model in this process fails only together with its worker.
    return None if provider is LOCAL else f"{provider.name}/{model}"


def limit_of(provider: Provider, model: str) -> DestinationLimit | None:
    return provider.limit_of(model) if isinstance(provider, GuardingProvider) else None


def holding(provider: Provider, model: str) -> AbstractContextManager[None]:
    return provider.holding(model) if isinstance(provider, HoldingProvider) else nullcontext()


def figures_of(provider: Provider, model: str) -> Figures:
    """Return the price of a usual call of the model, and how long most take, as far as known."""
    if isinstance(provider, RatingProvider):
        return provider.figures_of(model)
    return Figures(price=0.0, p95_ms=0.0) if provider is LOCAL else Figures()


def list_revisions(
    find: Callable[[str], Provider], models: Iterable[str], flow: str
) -> dict[str, str]:
    """Return the state of each model, as a text that changes with it and with the flow's right."""
    return {model: _find_revision(find, model, flow) for model in models}


def _find_revision(find: Callable[[str], Provider], model: str, flow: str) -> str:
    try:
        provider = find(model)
        check_use(provider, model, flow)
    except (UnknownModel, UnknownFunction, UseRefused) as refused:
        # The call says so: no result that another flow has made may stand for it.
        return f"{flow}: {refused}"
    if isinstance(provider, RevisedProvider):
        return provider.revision_of(model)
    return f"{provider.name} {_list_served(provider).get(model, '')}"


def check_use(provider: Provider, model: str, flow: str) -> None:
    """Raises: UseRefused, where the flow may not ask the model."""
    if isinstance(provider, GuardingProvider):
        provider.check_use(model, flow)


def ask_policies(provider: Provider, model: str) -> None:
    """Call before a step asks a model. Raises: UseRefused, where a policy refuses that."""
    verdict = judge_step(CONNECTION, model=model, provider=provider.name)
    if not verdict.allowed:
        raise UseRefused(
            "policy.refused", verdict.refusal, "Ask another model, or an administrator."
        )


def explain_absence(providers: Sequence[Provider], model: str) -> UseRefused | None:
    """Return why a model that no provider serves is not to be had, if one of them knows it."""
    guarding = [each for each in providers if isinstance(each, GuardingProvider)]
    return next((found for each in guarding if (found := each.explain_absence(model))), None)


def check_sole(
    provider: Provider,
    providers: Sequence[Provider],
    model: str,
) -> None:
    """Raises: UseRefused, where another provider has something of that name too."""
    others = [each for each in providers if each is not provider]
    found = next((each for each in others if model in _list_served(each)), None)
    if found is not None:
        raise UseRefused(
            "model.named_twice",
            f"Two models are named {model}: one of {provider.name}, one of {found.name}.",
            "Rename one of them.",
        )


def is_served_by(name: str, model: str) -> bool:
    """Return whether the provider of that name serves the model, of either sort."""
    providers: list[Provider] = [*list_providers(), *list_language_providers()]
    return any(each.name == name and model in _list_served(each) for each in providers)


def _list_served(provider: Provider) -> dict[str, str]:
    """Return the version of each model of the provider, of either sort."""
    lists = [getattr(provider, each, dict) for each in ("models", "language_models")]
    return {name: version for each in lists for name, version in each().items()}
