import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, ROLES


@pytest.mark.parametrize("role", ROLES)
def test_each_role_signs_in_and_comes_to_a_page(page: Page, role: str) -> None:
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(role)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)

    expect(page.locator("main")).to_be_visible()
