"""Numbers as a page sends them. Pure."""

# More digits than an id can have.
MAX_DIGITS = 18


def number_in(text: str | None) -> int | None:
    """Return the whole number that a text is; None for anything else, and for what no id can be."""
    return int(text) if text and text.isdecimal() and len(text) <= MAX_DIGITS else None
