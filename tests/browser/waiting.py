"""Waits for what a page does by and by."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tests import waiting

# What an input led to has been drawn, and what was drawn has been laid out.
TWO_FRAMES = """() => new Promise((drawn) => {
  requestAnimationFrame(() => requestAnimationFrame(drawn));
})"""
STILL = """() => document.getAnimations().every((each) =>
  each.playState !== 'running' || each.effect.getComputedTiming().endTime === Infinity)"""


def until(
    page: Page,
    condition: Callable[[], Any],
    what: str = "it",
    *,
    patience_seconds: float = 15,
    pause_seconds: float = 0.1,
) -> Any:
    """Return the condition's value once it is true; the page goes on meanwhile.

    The content policy forbids the polling that Playwright would evaluate in the page.
    """
    return waiting.until(
        condition,
        what,
        patience_seconds=patience_seconds,
        pause_seconds=pause_seconds,
        pause=lambda seconds: page.wait_for_timeout(seconds * 1000),
    )


def until_drawn(page: Page) -> None:
    """Return when what the last input led to is on the screen."""
    page.evaluate(TWO_FRAMES)


def until_still(page: Page) -> None:
    """Return when nothing fades, slides or grows any more."""
    until(page, lambda: page.evaluate(STILL), "the page to stand still")
