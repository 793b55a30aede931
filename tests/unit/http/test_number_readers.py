"""Whole numbers that a request names are read by one function, which bounds their digits."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT
from workbench.http.numbers import number_in

# Each bounds the digits itself, or reads what the program itself wrote.
OTHERS = {
    "workbench/http/numbers.py",
    "workbench/http/gateway.py",
    "workbench/dispatch/sweeps.py",
    "flows/assets/tables/content.py",
    "flows/graph/operations/pointers.py",
    "workbench/values/schema_work.py",
}


def list_readers() -> Iterator[str]:
    """Yield each module that asks whether text is a number and then converts it by ``int``."""
    for package in ("workbench", "flows", "reviews"):
        for path in sorted(Path(ROOT, package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.IfExp | ast.BoolOp | ast.ListComp) and _converts(node):
                    yield str(path.relative_to(ROOT))


def _converts(node: ast.AST) -> bool:
    called = {
        each.func.attr if isinstance(each.func, ast.Attribute) else getattr(each.func, "id", "")
        for each in ast.walk(node)
        if isinstance(each, ast.Call)
    }
    return "int" in called and bool(called & {"isdecimal", "isdigit", "isnumeric"})


def test_no_other_module_reads_whole_numbers() -> None:
    assert set(list_readers()) <= OTHERS


@pytest.mark.parametrize("text", ["", None, "-1", "1.5", "²", "x", "1" * 19, "1" * 5_000])
def test_what_names_no_id_is_none(text: str | None) -> None:
    assert number_in(text) is None


def test_an_id_is_read() -> None:
    assert number_in("12") == 12
