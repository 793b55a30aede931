"""The rail: on a phone it is a bar below, and each place of each role is in sight there."""

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import ROLES

# What of the bar or of a label is out of sight, and whether two labels run into each other.
CROWDED = """() => {
    const list = document.querySelector(".rail-list");
    const links = [...document.querySelectorAll(".rail-link")];
    const boxes = links.map((link) => {
        const text = document.createRange();
        text.selectNodeContents(link.lastChild);
        return text.getBoundingClientRect();
    });
    return {
        scrolls: list.scrollWidth > list.clientWidth,
        outside: links.filter((_, i) => boxes[i].left < 0 || boxes[i].right > innerWidth).length,
        touching: boxes.filter((box, i) => i && box.left - boxes[i - 1].right < 4).length,
    };
}"""


@pytest.mark.parametrize("role", ROLES)
def test_all_places_of_a_role_fit_on_a_phone(
    page: Page, login: Callable[[Page, str], None], role: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    login(page, role)
    page.goto("/")
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/rail-{role}.png")
    assert page.evaluate(CROWDED) == {"scrolls": False, "outside": 0, "touching": 0}
