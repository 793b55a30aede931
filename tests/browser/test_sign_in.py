import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROLES, Login


@pytest.mark.parametrize("role", ROLES)
def test_each_role_signs_in_and_comes_to_a_page(page: Page, login: Login, role: str) -> None:
    login(page, role)

    expect(page.locator("main")).to_be_visible()
