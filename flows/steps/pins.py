"""Which versions of assets a flow is pinned to, as whoever publishes or plays one needs them.

A step names an asset, such as ``prompt/triage``, and no version of it. A flow's version keeps the
number that was released when it was published. The assets themselves register as the source.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from flows.graph.model import Document, Step
from flows.graph.problems import Problem, error
from flows.steps.registry import UnknownStepType, get_step_type

Pins = Mapping[str, int]
# Returns the number of the released version of each asset, None for one without; unknown assets
# are left out.
FindReleased = Callable[[Collection[str]], Mapping[str, int | None]]


def _find_none(names: Collection[str]) -> Mapping[str, int | None]:
    return {}


_find_released: FindReleased = _find_none


def register_asset_source(find_released: FindReleased) -> None:
    """Let the released versions of assets be found by ``find_released``."""
    global _find_released  # noqa: PLW0603 - one a process
    _find_released = find_released


class AssetUse(NamedTuple):
    """A step, and an asset that it uses."""

    step: str
    asset: str


def list_asset_uses(document: Document) -> list[AssetUse]:
    """Return each use of an asset in the document. No queries."""
    return [
        AssetUse(step.id, name) for step in document.steps.values() for name in _list_assets(step)
    ]


def _list_assets(step: Step) -> tuple[str, ...]:
    try:
        return get_step_type(step.type).list_assets(step.config)
    except UnknownStepType:
        return ()


def find_pins(document: Document) -> dict[str, int]:
    """Return what the document would be pinned to if it were published now, sorted by name.

    Assets that cannot be pinned are left out; ``find_pin_problems`` names them.
    """
    names = {use.asset for use in list_asset_uses(document)}
    released = _find_released(names) if names else {}
    return {name: number for name, number in sorted(released.items()) if number is not None}


def find_pin_problems(uses: Collection[AssetUse]) -> list[Problem]:
    """Return an error for each use of an asset that is not there or has no released version."""
    released = _find_released({use.asset for use in uses}) if uses else {}
    return [
        _problem_of(use.step, use.asset, known=use.asset in released)
        for use in uses
        if released.get(use.asset) is None
    ]


def _problem_of(step: str, asset: str, *, known: bool) -> Problem:
    kind, _, name = asset.partition("/")
    if known:
        return error(
            "asset.not_released", step, "with", f"The {kind} {name!r} has no released version.",
            f"Publish and release the {kind}, then publish the flow.",
        )  # fmt: skip
    return error(
        "asset.unknown", step, "with", f"There is no {kind} {name!r}.",
        f"Create the {kind}, or name another one.",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewerPin:
    """An asset that is pinned to one number, where publishing anew would pin it to another.

    A number is None where the asset is in one of both alone.
    """

    kind: str
    name: str
    pinned: int | None
    released: int | None

    @property
    def page(self) -> str:
        """The name of the address of the asset's page, which takes its name."""
        return f"flows:{self.kind}-detail"


def list_newer_pins(pins: Pins) -> list[NewerPin]:
    """Return the pins whose asset has another released version by now."""
    released = _find_released(pins) if pins else {}
    now = {name: number for name, number in released.items() if number is not None}
    return compare_pins(pins, {**pins, **now})


def compare_pins(before: Pins, after: Pins) -> list[NewerPin]:
    """Return what differs, sorted by name."""
    differing = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    return [_compare_pin(name, before, after) for name in sorted(differing)]


def _compare_pin(asset: str, before: Pins, after: Pins) -> NewerPin:
    kind, _, name = asset.partition("/")
    return NewerPin(kind, name, before.get(asset), after.get(asset))
