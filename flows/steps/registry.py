"""The registry of step types, by name."""

from typing import TypeVar

from flows.steps.base import StepType

T = TypeVar("T", bound=type[StepType])

_TYPES: dict[str, StepType] = {}


class UnknownStepType(LookupError):
    """There is no step type of that name."""


def register(cls: T) -> T:
    """Add a step type, or the same one again. Raises: ValueError for another of the same name."""
    known = _TYPES.get(cls.name)
    if known is not None and type(known) is not cls:
        places = " and ".join(f"{each.__module__}:{each.__name__}" for each in (type(known), cls))
        raise ValueError(f"There are two step types {cls.name!r}, {places}; rename one.")
    _TYPES[cls.name] = known or cls()
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
