"""Why a table cannot be read or cannot decide. Each says where, and what to do about it."""


class FeelError(ValueError):
    """A text is no FEEL, or none that tables take. ``at`` counts characters from 0."""

    def __init__(self, message: str, remedy: str, at: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.at = at


class TableRefused(ValueError):
    """The table cannot decide these inputs, or is none. ``at`` is a place, or the text where."""

    def __init__(self, message: str, remedy: str, at: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.at = at


class OutOfScope(TableRefused):
    """A part of DMN that is not read. The message names it."""
