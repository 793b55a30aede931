"""The server and the browser of the browser tests."""

from tests.browser.conftest import base_url, browser_type_launch_args, login, site

__all__ = ["base_url", "browser_type_launch_args", "login", "site"]
