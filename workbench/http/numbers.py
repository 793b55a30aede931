"""Read the numbers that a page sends. Pure."""

# More digits than an id can have.
MAX_DIGITS = 18


def number_in(text: str | None) -> int | None:
    """Return the text as a whole number, or None if it is none or too long to be an id."""
    return int(text) if text and text.isdecimal() and len(text) <= MAX_DIGITS else None
