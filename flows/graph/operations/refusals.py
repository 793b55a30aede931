"""Refusals: why an operation was not applied, and what to do about it."""

from flows.graph.operations.values import ABSENT, Json, Mapped


class OperationRefused(Exception):
    """The operation cannot be applied; nothing was changed.

    ``code`` is a stable name. ``current`` is the value that stands where the operation wanted to
    write, if somebody else has changed it.
    """

    def __init__(self, code: str, message: str, remedy: str, current: Json = ABSENT) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.current = current

    def as_json(self) -> Mapped:
        """Return ``{code, message, remedy}`` and, for a conflict, ``current``."""
        found = {"code": self.code, "message": self.message, "remedy": self.remedy}
        return found if self.current is ABSENT else {**found, "current": self.current}


def malformed(message: str) -> OperationRefused:
    """Return the refusal of an operation that does not have the form of one."""
    return OperationRefused("malformed", message, "Send the operation as docs/editor.md shows it.")


def step_missing(message: str, remedy: str) -> OperationRefused:
    """Return the refusal of an edit to steps that have been removed."""
    return OperationRefused("step_missing", message, remedy)
