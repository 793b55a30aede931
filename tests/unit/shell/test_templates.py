"""What the content policy and the icon set demand of every template."""

import re
from pathlib import Path

import pytest

from workbench.shell.icons import icon_markup

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
FORBIDDEN = {
    "an inline style": r"<style|\sstyle\s*=",
    "an inline handler": r"\son[a-z]+\s*=|hx-on",
    "an inline script": r"<script(?![^>]*(?:\bsrc=|type=\"application/json\"))[^>]*>",
    "an expression for htmx": r"\bjs:|hx-trigger=\"[^\"]*\[",
    "a file from elsewhere": r"(?:src|<link[^>]*href)=\"(?:https?:)?//",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_keeps_to_the_content_policy(path: Path) -> None:
    source = re.sub(r"{#.*?#}", "", path.read_text(), flags=re.DOTALL)
    found = {what for what, pattern in FORBIDDEN.items() if re.search(pattern, source)}
    assert not found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_names_only_icons_that_ship(path: Path) -> None:
    named = set(re.findall(r"{% icon ['\"]([a-z0-9-]+)['\"]", path.read_text()))
    assert named <= icon_markup().keys()
