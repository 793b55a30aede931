"""Why a value was refused: where it stands, what is wrong, and what to do."""


class ValueRefused(ValueError):
    """A value that cannot be kept. ``at`` is a JSON pointer, empty for the value as a whole."""

    def __init__(self, message: str, remedy: str, at: str = "") -> None:
        super().__init__(f"{at}: {message} {remedy}" if at else f"{message} {remedy}")
        self.message, self.remedy, self.at = message, remedy, at

    def within(self, place: str) -> "ValueRefused":
        """Return the same refusal, with ``place`` before the pointer."""
        return ValueRefused(self.message, self.remedy, f"{place}{self.at}")


class NotJson(ValueRefused):
    """A text that cannot be read as JSON at all."""


class TooDeep(ValueRefused):
    """A text whose lists and mappings nest deeper than a parser can follow."""


class DuplicateKey(ValueRefused):
    """A key that is there twice in one mapping."""
