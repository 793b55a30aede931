"""The registry of step types, by name."""

from typing import TypeVar

from flows.steps.base import StepType

T = TypeVar("T", bound=type[StepType])

_TYPES: dict[str, StepType] = {}


class UnknownStepType(LookupError):
    """There is no step type of that name."""


def register(cls: T) -> T:
    """Add a step type. Raises: ValueError for a second one of the same name."""
    if cls.name in _TYPES:
        raise ValueError(f"Step type {cls.name!r} is registered twice.")
    _TYPES[cls.name] = cls()
    return cls


def get_step_type(name: str) -> StepType:
    """Return the type of that name. Raises: UnknownStepType."""
    try:
        return _TYPES[name]
    except KeyError:
        raise UnknownStepType(name) from None


def all_step_types() -> tuple[StepType, ...]:
    """Return every registered step type, sorted by name."""
    return tuple(_TYPES[name] for name in sorted(_TYPES))
