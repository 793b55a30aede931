"""What the page of a table shows of a content."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flows.assets.kinds import Content
from flows.assets.tables.testing import run_tests
from flows.tables.analysis import Analysis
from flows.tables.model import HIT_HELP, HITS, Problem, Table, read_table

Json = Any


def show(content: Content, analysis: Analysis) -> dict[str, Any]:
    """Return the content in the form of its template, with what its analysis found."""
    table = read_table(content)
    tests = [] if analysis.errors else run_tests("The table", content)
    return {
        "content": content,
        "table": table,
        "hit": HITS.get(table.hit, table.hit),
        "hit_help": HIT_HELP.get(table.hit, ""),
        "has_default": any(each.default for each in table.outputs),
        "has_notes": any(each.note for each in table.rows),
        "warnings": [_show(table, each) for each in analysis.warnings],
        "gaps": [_show(table, each) for each in analysis.gaps],
        "notes": analysis.notes,
        "is_fit": analysis.compiled.is_fit,
        "tests": tests,
        "failing": sum(each.state == "failed" for each in tests),
    }


def _show(table: Table, problem: Problem) -> dict[str, Any]:
    return {
        "problem": problem,
        "at": problem.at,
        "example": list(_list_example(table, problem.example or {})),
        "cells_json": json.dumps(problem.cells, ensure_ascii=False),
    }


def _list_example(table: Table, example: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for column in table.inputs:
        if column.name in example:
            yield column.label, example[column.name]
