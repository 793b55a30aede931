"""Tables that become cards on a phone: what names a card is in line with what it says."""

import os
from collections.abc import Callable

from playwright.sync_api import Page, expect

EDGES = """() => [...document.querySelectorAll(".table.cards tbody tr > *")].map((cell) => {
    const style = getComputedStyle(cell), box = cell.getBoundingClientRect();
    return [box.left + parseFloat(style.paddingLeft), box.right - parseFloat(style.paddingRight)];
})"""


def test_the_head_and_the_cells_of_a_card_begin_and_end_alike(
    page: Page, login: Callable[[Page, str], None]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    login(page, "designer")
    page.goto("/accounts/tokens/")
    page.get_by_label("Name").fill("ci")
    page.get_by_label("flows.view", exact=True).check()
    page.get_by_role("button", name="Create token").click()
    page.goto("/accounts/tokens/")
    expect(page.locator(".table.cards tbody tr").first).to_be_visible()
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/cards.png")
    edges = page.evaluate(EDGES)
    assert len(edges) > 3
    assert len({tuple(each) for each in edges}) == 1
