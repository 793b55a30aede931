"""The server and the browser of the browser tests."""

from tests.browser.conftest import base_url, browser_type_launch_args, login, peopled_folder, site
from tests.conftest import migrated_folder

__all__ = [
    "base_url",
    "browser_type_launch_args",
    "login",
    "migrated_folder",
    "peopled_folder",
    "site",
]
