"""Within what a file is opened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one file.

    ``most_pixels`` is of one image in it, ``most_side`` the longest side of a page image in pixels,
    ``most_stretch`` how many times longer than wide a page may be. ``page_seconds`` is the time for
    one page.
    """

    most_bytes: int = 200 * 1024 * 1024
    most_pages: int = 500
    most_pixels: int = 120_000_000
    most_side: int = 5_000
    most_stretch: int = 50
    page_seconds: float = 20.0
