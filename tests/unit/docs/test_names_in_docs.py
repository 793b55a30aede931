"""What the docs name by a dotted path, or by the path of a file, is there."""

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

from workbench.accounts.permissions import PERMISSIONS
from workbench.dispatch import registry
from workbench.dispatch.clock import list_clock_tasks

ROOT = Path(__file__).parents[3]
DOCS = sorted({*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"})
DOTTED = re.compile(r"`((?:flows|reviews|workbench)(?:\.\w+)+)(?:\(\))?`")
FILE = re.compile(
    r"`((?:flows|reviews|workbench|tests|tools|deploy|bench|examples)/[\w./-]+\.\w+)`"
)

MADE = re.compile(r"```\w+\n(?:# |<!-- )(\S+)")


def is_there(name: str) -> bool:
    """Say whether a module, a name in one, a permission, a job or a clock task has this name."""
    if name in PERMISSIONS or name in registry._handlers:
        return True
    if name in {task.name for task in list_clock_tasks()}:
        return True
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.stem)
def test_every_module_and_name_is_there(document: Path) -> None:
    names = set(DOTTED.findall(document.read_text()))
    assert [name for name in sorted(names) if not is_there(name)] == []


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.stem)
def test_every_file_is_there(document: Path) -> None:
    text = document.read_text()
    # A recipe may name the file that it makes.
    paths = set(FILE.findall(text)) - set(MADE.findall(text))
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
