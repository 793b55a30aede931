"""Files of the start form in a real browser: dropped, several, over a broken line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Site

MAKE = """
from tests.factories.flows import make_flow
FILE = {"type": "object", "format": "file", "x-accept": ["application/pdf"]}
make_flow("intake-of-files", title="Intake of files", samples={}, input={
    "type": "object", "required": ["payslip"], "additionalProperties": False,
    "properties": {
        "payslip": {**FILE, "title": "Payslip", "description": "The latest one, as a PDF."},
        "others": {"type": "array", "title": "Further documents", "items": FILE},
    },
})
"""
FORGET = """
from flows.models import Run
Run.objects.filter(flow__name="intake-of-files").delete()
"""
START = "/flows/intake-of-files/start/"


@pytest.fixture(scope="module")
def _flow(site: Site) -> Iterator[None]:
    site.run(MAKE)
    yield
    site.run(FORGET)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"{name}.pdf" for name in ("payslip", "contract", "letter")]
    for number, each in enumerate(made):
        each.write_bytes(bytes([number]) * (9_000_000 if number == 0 else 2_000))
    return made


@pytest.mark.usefixtures("_flow")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_files_are_chosen_sent_removed_and_given_to_the_run(
    page: Page,
    login: Callable[[Page, str], None],
    axe: Callable[[Page], None],
    files: list[Path],
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    login(page, "operator")
    page.goto(START)
    page.get_by_label("Payslip").set_input_files(files[0])
    page.get_by_label("Further documents").set_input_files(files[1:])
    expect(page.get_by_role("listitem").filter(has_text="letter.pdf")).to_contain_text("2 kB")
    expect(page.get_by_role("progressbar")).to_have_count(0)
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Remove contract.pdf").press("Enter")
    expect(page.get_by_text("contract.pdf")).to_have_count(0)
    page.get_by_role("button", name="Start on version").click()
    expect(page.get_by_text("started.")).to_be_visible()
    page.get_by_role("link", name="Input and output").click()
    artifacts = page.get_by_role("region", name="Artifacts")
    for name in ("payslip.pdf", "letter.pdf"):
        expect(artifacts.get_by_role("link", name=name).first).to_be_visible()


@pytest.mark.usefixtures("_flow")
def test_a_broken_line_costs_a_piece_at_most_and_the_run_waits_for_the_files(
    page: Page, login: Callable[[Page, str], None], files: list[Path]
) -> None:
    login(page, "operator")
    page.goto(START)
    sent: list[str] = []

    def break_twice(route: Route) -> None:
        if route.request.method != "PUT":
            return route.continue_()
        sent.append(route.request.url.rpartition("=")[2])
        if len(sent) in {2, 3}:
            return route.abort()
        return route.continue_()

    page.route("**/uploads/*/*", break_twice)
    page.get_by_label("Payslip").set_input_files(files[0])
    expect(page.get_by_text("No connection. It goes on by itself.")).to_be_visible()
    page.get_by_role("button", name="Start on version").click()
    expect(page.get_by_text("The run starts as soon as the files are here.")).to_be_visible()
    expect(page.get_by_text("started.")).to_be_visible()
    piece = 4 * 1024 * 1024
    assert sent == ["0", f"{piece}", f"{piece}", f"{piece}", f"{2 * piece}"]


@pytest.mark.usefixtures("_flow")
def test_a_file_that_is_refused_says_why_and_can_be_removed(
    page: Page, login: Callable[[Page, str], None], tmp_path: Path
) -> None:
    (tmp_path / "empty.pdf").write_bytes(b"")
    login(page, "operator")
    page.goto(START)
    page.get_by_label("Payslip").set_input_files(tmp_path / "empty.pdf")
    expect(page.get_by_text("a file may have 1 to")).to_be_visible()
    page.get_by_role("button", name="Remove empty.pdf").click()
    expect(page.get_by_text("empty.pdf")).to_have_count(0)
    expect(page.get_by_label("Payslip")).to_be_focused()
