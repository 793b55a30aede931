"""What the text of a flow does beyond the flow itself, and which rights that takes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reaching:
    """Something that a flow does beyond itself.

    Whoever publishes it needs the ``permissions`` on ``flow``, or on the whole installation where
    that is empty. ``what`` is a clause with its subject, such as ``Step call calls the flow loan``.
    ``instead`` is what its author may write so that no right is asked for, or is empty.
    """

    step: str
    field: str
    permissions: tuple[str, ...]
    flow: str
    what: str
    instead: str = ""

    @property
    def where(self) -> str:
        return f"for the flow {self.flow}" if self.flow else "for the whole installation"


def is_own_event(flow: str, event: str) -> bool:
    """Return whether the event belongs to the flow: what stands before an expression decides."""
    return event.partition("${")[0].startswith(f"{flow}.")
