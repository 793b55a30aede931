"""Step types, functions, models and providers of installed packages, found by their entry points.

``countersign.steps`` names classes of step types, ``countersign.functions`` modules whose ``@step``
functions flows may call, ``countersign.models`` models of this process, ``countersign.providers``
connections to model servers.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from flows.steps import functions, models, registry
from flows.steps.base import StepType


@dataclass(frozen=True, slots=True)
class BrokenPackage:
    """What a package offers and cannot give: ``entry`` is its line, as in its pyproject.toml."""

    package: str
    entry: str
    cause: str

    def __str__(self) -> str:
        return f"The package {self.package} cannot be used: {self.entry}: {self.cause}"


class UnfitEntry(TypeError):
    """The entry point names something else than its group is for."""


def load_packages(found: Iterable[EntryPoint] | None = None) -> list[BrokenPackage]:
    """Register what the installed packages offer; return what could not be.

    Of two packages that offer the same name, neither is taken.
    """
    offered = defaultdict(list)
    for entry in _list_entries() if found is None else found:
        offered[_identify(entry)].append(entry)
    broken: list[BrokenPackage] = []
    for entries in offered.values():
        broken += _load(entries[0]) if len(entries) == 1 else _refuse_all(entries)
    return broken


def _list_entries() -> list[EntryPoint]:
    return [entry for group in _LOADERS for entry in entry_points(group=group)]


def _identify(entry: EntryPoint) -> tuple[str, str]:
    """Return what must be the only one of its kind. Flows name functions by their module."""
    return entry.group, entry.module if entry.group == FUNCTIONS else entry.name


def _load(entry: EntryPoint) -> list[BrokenPackage]:
    try:
        _LOADERS[entry.group](entry, entry.load())
    except Exception as error:  # a module of others may raise anything when it is imported
        return [_describe(entry, f"{type(error).__name__}: {error}")]
    return []


def _refuse_all(entries: list[EntryPoint]) -> list[BrokenPackage]:
    name = _identify(entries[0])[1]
    packages = " and ".join(sorted(_package(entry) for entry in entries))
    cause = f"{packages} both offer {name!r}. Uninstall one of them."
    return [_describe(entry, cause) for entry in entries]


def _describe(entry: EntryPoint, cause: str) -> BrokenPackage:
    line = f"{entry.group}: {entry.name} = {entry.value}"
    return BrokenPackage(_package(entry), line, cause)


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "without a name"


# --- What each group takes ------------------------------------------------------------


def _add_step_type(entry: EntryPoint, found: Any) -> None:
    if not (isinstance(found, type) and issubclass(found, StepType)):
        raise UnfitEntry("it must be a class of a step type, see flows/steps/base.py.")
    _check_name(entry, found.name)
    registry.register(found)


def _allow_functions(entry: EntryPoint, found: Any) -> None:
    if entry.attr:
        raise UnfitEntry("name the module alone: its @step functions are found in it.")
    functions.allow_module(entry.module)


def _add_model(entry: EntryPoint, found: Any) -> None:
    if not callable(getattr(found, "predict", None)):
        raise UnfitEntry("it must be a LocalModel, see flows/steps/models.py.")
    _check_name(entry, found.name)
    models.LOCAL.register(found)


def _add_provider(entry: EntryPoint, found: Any) -> None:
    if not (callable(getattr(found, "infer", None)) and callable(getattr(found, "models", None))):
        raise UnfitEntry("it must be a ModelProvider, see flows/steps/models.py.")
    _check_name(entry, found.name)
    models.register_provider(found)


def _check_name(entry: EntryPoint, name: str) -> None:
    if entry.name != name:
        raise UnfitEntry(f"its name is {name!r}: write the entry as {name} = {entry.value}")


FUNCTIONS = "countersign.functions"
_LOADERS: Mapping[str, Callable[[EntryPoint, Any], None]] = {
    "countersign.steps": _add_step_type,
    FUNCTIONS: _allow_functions,
    "countersign.models": _add_model,
    "countersign.providers": _add_provider,
}
