"""Decision tables as a kind of asset."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from flows.assets.errors import AssetInvalid
from flows.assets.kinds import (
    AssetKind,
    AssetProblem,
    Content,
    Difference,
    FileFormat,
    TestBudget,
    TestResult,
)
from flows.assets.models import Asset
from flows.assets.tables import forms, testing
from flows.assets.tables.comparing import compare
from flows.assets.tables.content import check_form, make_empty, to_normal_form
from flows.assets.tables.coverage import count_hits
from flows.assets.tables.showing import show
from flows.tables.analysis import Analysis, analyse
from flows.tables.dmn import read_dmn, write_dmn
from flows.tables.errors import TableRefused
from flows.tables.model import HITS, read_table
from flows.tables.spreadsheet import read_csv, write_csv

Json = Any


class DmnFormat(FileFormat):
    name = "dmn"
    title = "DMN"
    media_type = "application/xml"

    def write(self, name: str, title: str, content: Content) -> str:
        return write_dmn(name, title, content)

    def read(self, text: str, before: Content) -> dict[str, Json]:
        """Return the content; tests, of which DMN knows nothing, stay. Raises: AssetInvalid."""
        try:
            _, content = read_dmn(text)
        except TableRefused as error:
            raise _refuse(error) from error
        return {**content, "tests": before.get("tests", [])}


class CsvFormat(FileFormat):
    name = "csv"
    title = "CSV"
    media_type = "text/csv"

    def write(self, name: str, title: str, content: Content) -> str:
        return write_csv(content)

    def read(self, text: str, before: Content) -> dict[str, Json]:
        """Return the content with the rows of the file. Raises: AssetInvalid."""
        try:
            return read_csv(text, before)
        except TableRefused as error:
            raise _refuse(error) from error


def _refuse(error: TableRefused) -> AssetInvalid:
    return AssetInvalid([AssetProblem("file", str(error), error.remedy)])


class TableKind(AssetKind):
    name: ClassVar[str] = "table"
    title: ClassVar[str] = "Decision table"
    plural: ClassVar[str] = "tables"
    icon: ClassVar[str] = "table-2"
    summary: ClassVar[str] = "Rules as rows: what is asked, and what follows from it."
    view: ClassVar[str] = "tables.view"
    edit: ClassVar[str] = "tables.edit"
    form_template: ClassVar[str] = "flows/tables/_form.html"
    content_template: ClassVar[str] = "flows/tables/_content.html"
    preview_template: ClassVar[str] = "flows/tables/_preview.html"
    edit_class: ClassVar[str] = "table-edit"
    styles: ClassVar[tuple[str, ...]] = ("flows/tables.css",)
    scripts: ClassVar[tuple[str, ...]] = ("flows/tables/grid.js",)
    says_places: ClassVar[bool] = True
    tests_help: ClassVar[str] = (
        "A test has values for the inputs, and says what the table must decide, and by which rows."
    )
    formats: ClassVar[Mapping[str, FileFormat]] = {"dmn": DmnFormat(), "csv": CsvFormat()}

    def empty(self) -> dict[str, Json]:
        return make_empty()

    def normal(self, content: Content) -> dict[str, Json]:
        return to_normal_form(content)

    def check_form(self, content: Content) -> list[AssetProblem]:
        return check_form(content)

    def check(self, content: Content) -> list[AssetProblem]:
        found = [AssetProblem(each.at, each.message, each.remedy)
                 for each in analyse_content(content).errors]  # fmt: skip
        return [*found, *testing.check_tests(content)]

    def describe(self, content: Content) -> str:
        if content.get("description"):
            return str(content["description"])
        rows, inputs = len(content.get("rows", [])), len(content.get("inputs", []))
        hit = HITS.get(content.get("hit", "U"), "")
        return f"{hit}: {rows} row{'' if rows == 1 else 's'} on {inputs} input" + (
            "" if inputs == 1 else "s"
        )

    def diff(self, before: Content, after: Content) -> list[Difference]:
        return compare(before, after)

    def run_tests(self, name: str, content: Content, budget: TestBudget) -> Sequence[TestResult]:
        return testing.run_tests(name, content)

    def show(self, content: Content) -> dict[str, Any]:
        return show(content, analyse_content(content))

    def show_use(self, asset: Asset) -> dict[str, Any]:
        """Return how often each row of the released version decided."""
        return {"hits": count_hits(asset) if asset.released else None}

    def read_form(self, posted: Any) -> dict[str, Json]:
        return forms.read_form(posted)

    def fill_form(self, content: Content, posted: Any = None) -> dict[str, Any]:
        return forms.fill_form(content, posted)


def analyse_content(content: Content) -> Analysis:
    """Return what is wrong with a table; asked again for the same one, what was found before."""
    rest = {key: value for key, value in content.items() if key not in ("tests", "description")}
    return _analyse(json.dumps(rest, sort_keys=True))


@lru_cache(maxsize=32)
def _analyse(content: str) -> Analysis:
    return analyse(read_table(json.loads(content)))


TABLE = TableKind()
