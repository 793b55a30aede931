"""The table of settings in docs/production.md has what the code reads, with its defaults."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SETTINGS = ROOT / "workbench" / "settings.py"
CODE = [
    path
    for folder in ("flows", "reviews", "workbench")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]
ROW = re.compile(r"^\| `([A-Za-z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.M)
# Each with what it takes where no default is given.
HELPERS = {"env_bool": None, "env_list": ast.Constant(""), "env_object": ast.Constant("{}")}
# Read by a server of others, or set by us for it.
NOT_OURS = {"DJANGO_SETTINGS_MODULE"}


def read_table() -> dict[str, str]:
    """Return the names in the table, each with its column of defaults."""
    section = (ROOT / "docs" / "production.md").read_text().split("\n## Settings\n")[1]
    rows = ROW.findall(section.split("\n## ")[0])
    assert len({name for name, *_ in rows}) == len(rows), "a name stands there twice"
    return {name: default for name, default, *_ in rows}


def is_environ(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def find_reads(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield each name that is read from the environment, with the expression of its default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called, name = node.func, str(node.args[0].value)
            default = node.args[1] if len(node.args) > 1 else None
            if isinstance(called, ast.Name) and called.id in HELPERS:
                yield name, default or HELPERS[called.id]
            elif isinstance(called, ast.Attribute) and (
                called.attr == "getenv" or (called.attr == "get" and is_environ(called.value))
            ):
                yield name, default
        elif isinstance(node, ast.Subscript) and is_environ(node.value):
            yield ast.literal_eval(node.slice), None
        elif isinstance(node, ast.Compare) and is_environ(node.comparators[0]):
            yield ast.literal_eval(node.left), None


def find_optional_settings(tree: ast.AST) -> Iterator[str]:
    """Yield each name of ``getattr(settings, name, …)``."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"getattr", "hasattr"}
            and isinstance(node.args[0], ast.Name)
            and node.args[0].id.endswith("settings")
        ):
            name = node.args[1]
            assert isinstance(name, ast.Constant), "name the setting: the table must have it"
            yield str(name.value)


def evaluate(default: ast.expr, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what the default is in an empty environment, in a folder ``.``."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    names = {"os": os, "str": str, "BASE_DIR": Path(), "VAR_DIR": Path("var")}
    value = eval(ast.unparse(default), names)
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def test_every_name_that_is_read_is_in_the_table_and_no_other() -> None:
    read = set()
    for path in CODE:
        tree = ast.parse(path.read_text())
        read |= {name for name, _ in find_reads(tree)} | set(find_optional_settings(tree))
    assert read - NOT_OURS == set(read_table())


def test_the_defaults_are_those_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    table = read_table()
    told = {
        name: "" if default.startswith("none") else default.strip("`")
        for name, default in table.items()
    }
    made: dict[str, str] = {}
    for name, default in find_reads(ast.parse(SETTINGS.read_text())):
        if default is not None:
            value = evaluate(default, monkeypatch)
            assert made.setdefault(name, value) == value, f"{name} has two defaults"
    assert {name: told[name] for name in made} == made
    # What is done without these is no value.
    assert set(told) - set(made) == {"SECRET_KEY", "EMAIL_HOST"}


def test_only_the_settings_and_the_start_of_a_process_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in CODE
        if {name for name, _ in find_reads(ast.parse(path.read_text()))} - NOT_OURS
    }
    assert readers == {"workbench/settings.py", "workbench/process/management/commands/serve.py"}


def test_what_compose_passes_on_is_a_setting() -> None:
    composed = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    passed = composed["x-countersign"]["environment"]
    assert set(passed) <= set(read_table())
