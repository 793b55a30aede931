"""Examples that people's decisions give. Whoever keeps decisions registers as the source.

A source hands out no more than an export of the same decisions would: it masks as that does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workbench.accounts.permissions import Principal

Json = Any


@dataclass(frozen=True, slots=True)
class WantedExamples:
    """Which decided cases to take: the newest ``count`` of a flow, or of one queue of it.

    ``leave_out`` are keys of fields that no example may have.
    """

    flow: str
    queue: str = ""
    count: int = 5
    only_corrected: bool = False
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseExample:
    """A decided case. ``shown`` is what the person saw, ``answer`` what it was corrected to.

    ``shown`` has the fields by key, ``answer`` the outcome and the fields as they stand.
    """

    case: int
    shown: Mapping[str, Json]
    answer: Json


class ExampleSource(Protocol):
    """Where decided cases are kept."""

    def list_examples(
        self, wanted: WantedExamples, principal: Principal | None
    ) -> Sequence[CaseExample]:
        """Return decided cases, the newest first. ``principal`` None is the server itself.

        Raises: ExamplesRefused.
        """

    def address_of(self, case: int) -> str:
        """Return the address of a case's page."""


class ExamplesRefused(Exception):
    """The principal may not see these decisions, or there are none. The message says which."""


class _NoExamples:
    def list_examples(
        self, wanted: WantedExamples, principal: Principal | None
    ) -> Sequence[CaseExample]:
        raise ExamplesRefused("Nothing here keeps decisions.")

    def address_of(self, case: int) -> str:
        return ""


_source: ExampleSource = _NoExamples()


def register_example_source(source: ExampleSource) -> None:
    """Let examples be taken from ``source``."""
    global _source  # noqa: PLW0603 - one a process
    _source = source


def get_example_source() -> ExampleSource:
    return _source
