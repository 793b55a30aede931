"""Which of several models a step asks, and in which order. Plain decisions: the caller asks.

A step names one model, and by ``routing`` others: those that it falls back on, those that a share
of the runs begins with, and those that are asked in its shadow, whose answers are never used.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from flows.graph.json_values import Path
from flows.steps.base import Json, StepFailure
from flows.steps.calibrated import PICKS_OWN

T = TypeVar("T")
Order = Literal["listed", "cheapest"]
MOST_FALLBACKS = 10
MOST_SHADOWS = 3
# Whoever stops a run wants no other model asked for it.
_FINAL = frozenset({"cancelled"})


class Routing(BaseModel):
    """Which other models a step may ask, and when."""

    model_config = ConfigDict(extra="forbid")

    then: list[str] = Field(
        default_factory=list,
        max_length=MOST_FALLBACKS,
        title="Then",
        description="Models that are asked, in this order, when the one before fails or is unsure.",
        examples=[["risk-2"]],
        json_schema_extra=PICKS_OWN,
    )
    unsure_below: float | None = Field(
        None,
        ge=0,
        le=1,
        title="Unsure below",
        description="The confidence below which the next model is asked. None counts as unsure.",
    )
    order: Order = Field(
        "listed",
        title="Order",
        description="cheapest: the model and those that follow it are asked by their price.",
    )
    within_ms: float | None = Field(
        None,
        gt=0,
        title="Within milliseconds",
        description="For cheapest: those go first whose 95th percentile was within this.",
    )
    shares: dict[str, float] = Field(
        default_factory=dict,
        title="Shares",
        description="The share of runs that begin with another model, by its name.",
        examples=[{"risk-candidate": 0.1}],
        json_schema_extra=PICKS_OWN,
    )
    shadow: list[str] = Field(
        default_factory=list,
        max_length=MOST_SHADOWS,
        title="Shadow",
        description="Models that are asked beside. Their answers are recorded and never used.",
        json_schema_extra=PICKS_OWN,
    )
    shadow_wait_ms: int = Field(
        500,
        ge=0,
        le=60_000,
        title="Wait for shadows (ms)",
        description="After the answer that is used. What comes later is dropped.",
    )

    @property
    def is_used(self) -> bool:
        """Whether more than the one model may be asked."""
        return bool(self.then or self.shares or self.shadow)

    def list_names(self) -> list[str]:
        """Return the models whose answers may be used beside the step's own."""
        return [*self.then, *self.shares]


# --- The order ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a model: the price of a usual call, and how long most calls take."""

    price: float | None = None
    p95_ms: float | None = None


def plan_route(
    model: str,
    routing: Routing,
    *,
    run_id: int,
    step: str,
    find_figures: Callable[[str], Figures],
) -> list[str]:
    """Return the models in the order in which they are asked, each once.

    The same run and step always begin with the same model of ``shares``.
    """
    listed = list(dict.fromkeys([model, *routing.then]))
    if routing.order == "cheapest":
        listed = _sort_by_price(listed, routing.within_ms, find_figures)
    first = _pick(routing.shares, _draw(run_id, step))
    return listed if first is None else [first, *(each for each in listed if each != first)]


def list_shadows(routing: Routing, route: Sequence[str]) -> list[str]:
    """Return the models to ask in the shadow of a route: those that it cannot ask itself."""
    return [name for name in dict.fromkeys(routing.shadow) if name not in route]


def _sort_by_price(
    models: list[str], within_ms: float | None, find_figures: Callable[[str], Figures]
) -> list[str]:
    """Return the cheapest first; those that are known to be slow last, and unknown ones between."""
    found = {name: find_figures(name) for name in models}

    def rank(name: str) -> tuple[int, float]:
        each = found[name]
        price = float("inf") if each.price is None else each.price
        if within_ms is None:
            return 0, price
        if each.p95_ms is None:
            return 1, price
        return (0 if each.p95_ms <= within_ms else 2), price

    return sorted(models, key=rank)


def _draw(run_id: int, step: str) -> float:
    """Return a number from 0 to 1, below 1, that is the same for the same run and step."""
    digest = hashlib.sha256(f"{run_id}/{step}".encode()).digest()
    return (int.from_bytes(digest[:6], "big")) / 2**48


def _pick(shares: Mapping[str, float], drawn: float) -> str | None:
    """Return the model whose share of 0 to 1 a number falls in, None for what is left over."""
    end = 0.0
    for name in sorted(shares):
        end += shares[name]
        if drawn < end:
            return name
    return None


# --- Going along it -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tried:
    """A model that was asked, and how that ended. ``kind`` is that of a failure."""

    model: str
    ended: Literal["answered", "unsure", "failed", "dropped"]
    kind: str = ""
    confidence: float | None = None

    def as_json(self) -> dict[str, Json]:
        return {
            "model": self.model,
            "ended": self.ended,
            "kind": self.kind or None,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """An answer to use or to leave, and how sure it is."""

    value: T
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Routed(Generic[T]):
    """The answer that is used, and every model that was asked for it."""

    value: T
    tried: tuple[Tried, ...]


class RouteFailed(StepFailure):
    """No model of a route answered. ``tried`` are those that were asked."""

    def __init__(self, failures: Sequence[tuple[str, StepFailure]], tried: Sequence[Tried]) -> None:
        self.tried = tuple(tried)
        decisive = _find_decisive([failure for _, failure in failures])
        message = decisive.message
        if len(failures) > 1:
            told = " ".join(f"{name}: {failure.message}" for name, failure in failures)
            message = f"No model of the route answered. {told}"
        super().__init__(
            message,
            kind=decisive.kind,
            retryable=decisive.retryable,
            retry_after_seconds=decisive.retry_after_seconds,
            detail={**decisive.detail, "route": [each.as_json() for each in tried]},
        )


def follow_route(
    models: Sequence[str], ask: Callable[[str], Answer[T]], *, unsure_below: float | None
) -> Routed[T]:
    """Ask one model after the other until one is sure; if none is, return the surest answer.

    Raises: RouteFailed, where none answered; StepFailure, where the run was cancelled.
    """
    tried: list[Tried] = []
    unsure: list[Answer[T]] = []
    failures: list[tuple[str, StepFailure]] = []
    for name in models:
        try:
            answer = ask(name)
        except StepFailure as failure:
            if failure.kind in _FINAL:
                raise
            tried.append(Tried(name, "failed", failure.kind))
            failures.append((name, failure))
            continue
        if not _is_unsure(answer.confidence, unsure_below):
            tried.append(Tried(name, "answered", confidence=answer.confidence))
            return Routed(answer.value, tuple(tried))
        tried.append(Tried(name, "unsure", confidence=answer.confidence))
        unsure.append(answer)
    if not unsure:
        raise RouteFailed(failures, tried)
    return Routed(max(unsure, key=_rank).value, tuple(tried))


def _is_unsure(confidence: float | None, unsure_below: float | None) -> bool:
    """Return whether to ask on. A confidence that is not known is no reason to rely on it."""
    return unsure_below is not None and (confidence is None or confidence < unsure_below)


def _rank(answer: Answer[T]) -> float:
    return -1.0 if answer.confidence is None else answer.confidence


def _find_decisive(failures: Sequence[StepFailure]) -> StepFailure:
    """Return the failure by which the step fails: one to try again after, the soonest of them.

    Where none is, the last one says how it ended.
    """
    again = [failure for failure in failures if failure.retryable]
    return min(again, key=lambda each: each.retry_after_seconds or 0.0) if again else failures[-1]


# --- What a raw config names ----------------------------------------------------------------


def list_named(config: Mapping[str, Json]) -> list[tuple[Path, str]]:
    """Return the place and the name of each model that the routing of a raw config names."""
    return [
        (("with", "routing", *path), name)
        for path, name in _walk_names(config.get("routing"))
        if name and "${" not in name
    ]


def _walk_names(routing: Json) -> Iterator[tuple[Path, str]]:
    if not isinstance(routing, Mapping):
        return
    for field in ("then", "shadow"):
        names = routing.get(field)
        for at, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str):
                yield (field, at), name
    shares = routing.get("shares")
    for name in shares if isinstance(shares, Mapping) else ():
        yield ("shares", str(name)), str(name)
