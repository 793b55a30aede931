"""What was read on a scan can be selected on its image, and lies on it at every size."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site

OPEN_CASE = """
import tempfile
from pathlib import Path
from django.utils import timezone
from flows.documents.reading import ReadOptions, read_document
from flows.runtime.artifacts import store_artifact
from flows.runtime.held import RunHolder, calling_for
from reviews.models import Queue, SlaPolicy
from reviews.rules.checkpoint_config import CheckpointConfig
from tests.factories.cases import make_case
from tests.factories.files import as_bytes, draw_page, make_pdf
from tests.factories.queues import make_policy, make_queue
if not Queue.objects.filter(name="words-desk").exists():
    make_queue("words-desk")
if not SlaPolicy.objects.filter(name="standard").exists():
    make_policy()
now = timezone.now()
scan = draw_page(skew=2.5).rotate(-90, expand=True)
files = [
    ("scan", "image/png", as_bytes(scan, "PNG", dpi=(200, 200)), False),
    ("fax", "image/tiff", as_bytes(draw_page(skew=-2), "TIFF", dpi=(200, 200)), True),
    ("letter", "application/pdf", make_pdf(["Dear Sir or Madam", "Yours sincerely"]), False),
]
documents, stored = [], []
for name, media_type, content, with_images in files:
    def keep(image, name=name):
        stored.append((image.read(), image.media_type, "page.jpg"))
        return store_artifact(
            content=image.read(), media_type=image.media_type, name="page.jpg", now=now)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        engine = "text" if name == "letter" else "rapidocr"
        options = ReadOptions(engine=engine, keep_image=keep if with_images else None)
        read = read_document(path, {"artifact": "0" * 64}, options).document
    reference = store_artifact(content=content, media_type=media_type, name=name, now=now)
    stored.append((content, media_type, name))
    documents.append({"id": name, "title": name.title(), "artifact": reference,
                      "media_type": media_type, "words": read.model_dump(mode="json")})
case = make_case(now, queue="words-desk", documents=documents)
with calling_for(RunHolder(case.run_id)):
    for content, media_type, name in stored:
        store_artifact(content=content, media_type=media_type, name=name, now=now)
print(case.pk)
"""
# Reading the scans takes seconds.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def number(site: Site) -> str:
    return site.run(OPEN_CASE).split()[-1]


def place_of(word: Locator, sheet: Locator) -> list[float]:
    """Return where a word stands in shares of its page: left, top, width, height."""
    box, page = word.bounding_box(), sheet.bounding_box()
    assert box
    assert page
    return [
        (box["x"] - page["x"]) / page["width"],
        (box["y"] - page["y"]) / page["height"],
        box["width"] / page["width"],
        box["height"] / page["height"],
    ]


@pytest.mark.parametrize(("name", "first"), [("Scan", "Employer"), ("Fax", "Employer")])
def test_words_lie_on_the_image_at_every_size(
    page: Page, login: Callable[[Page, str], None], number: str, name: str, first: str
) -> None:
    login(page, "reviewer")
    page.goto(f"/review/cases/{number}/")
    page.get_by_role("tab", name=name).click()
    panel = page.get_by_role("tabpanel", name=name)
    text = panel.get_by_role("group", name="Text of page 1")
    expect(text).to_contain_text("Employer Example Limited")
    expect(text).to_contain_text("IBAN DE89 3704 0044 0532 0130 00")
    word, sheet = text.get_by_text(first, exact=True), panel.locator(".document-page")
    before = place_of(word, sheet)
    # As it was drawn, 150 pixels from the left and 170 from the top of 1654 by 2339.
    assert before[0] == pytest.approx(150 / 1654, abs=0.01)
    assert before[1] + before[3] / 2 == pytest.approx(190 / 2339, abs=0.008)
    wide = sheet.bounding_box()
    page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Zoom in").click()
    expect(sheet).not_to_have_css("width", f"{wide['width']}px")  # type: ignore[index]
    assert place_of(word, sheet) == pytest.approx(before, abs=0.002)


def test_the_words_of_a_page_are_selected_by_keyboard(
    page: Page, login: Callable[[Page, str], None], number: str, axe: Callable[[Page], None]
) -> None:
    login(page, "reviewer")
    page.goto(f"/review/cases/{number}/")
    text = page.get_by_role("tabpanel", name="Scan").get_by_role("group", name="Text of page 1")
    text.focus()
    page.keyboard.press("Control+a")
    lines = str(page.evaluate("getSelection().toString()")).split("\n")
    assert [line.strip() for line in lines if line.strip()][1:3] == [
        "Payslip for October 2026", "Employee: Jane Q. Public"
    ]  # fmt: skip
    axe(page)


def test_the_words_of_a_pdf_lie_on_its_page(
    page: Page, login: Callable[[Page, str], None], number: str
) -> None:
    login(page, "reviewer")
    page.goto(f"/review/cases/{number}/")
    page.get_by_role("tab", name="Letter").click()
    panel = page.get_by_role("tabpanel", name="Letter")
    text = panel.get_by_role("group", name="Text of page 1")
    expect(text).to_contain_text("Dear Sir or Madam")
    place = place_of(text.get_by_text("Dear", exact=True), panel.locator(".document-page"))
    assert place[0] == pytest.approx(0.0524, abs=0.003)
    assert place[1] == pytest.approx(0.0316, abs=0.005)
