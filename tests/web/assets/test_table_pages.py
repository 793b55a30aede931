"""The pages and the API of decision tables: the grid, what it changes, files, and who may."""

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from flows.assets.models import Asset
from flows.assets.tables.forms import fill_form, read_form
from flows.assets.tables.kind import TABLE
from flows.tables.dmn import write_dmn
from tests.browsers import post_untouched
from tests.factories.people import make_person, signed_in
from tests.factories.tables import LIMITS, make_table
from tests.web.pages import page, revision_on
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
EDIT = "/tables/limits/edit/"


@pytest.fixture
def dora() -> Client:
    return signed_in(make_person("dora", Role.DESIGNER))


@pytest.fixture
def rita() -> Client:
    return signed_in(make_person("rita", Role.REVIEWER, queue="desk"))


def form_of(client: Client) -> Any:
    html = page(client, EDIT)
    start = html.index('id="asset-form"')
    return post_untouched(html[start : html.index("</form>", start)])


def test_a_form_that_nobody_touched_saves_what_was_there(dora: Client) -> None:
    make_table()
    assert dora.post(EDIT, form_of(dora)).status_code == 302
    asset = Asset.objects.get()
    assert (asset.draft, asset.draft_revision) == (LIMITS, 1)


def test_the_grid_as_one_field_is_the_same_as_its_many_fields(dora: Client) -> None:
    make_table()
    form = dict(form_of(dora).items())
    rest = {"csrfmiddlewaretoken", "revision", "title", "description", "hit", "aggregate", "also"}
    grid = {name: value for name, value in form.items() if name not in rest}
    sent = {**{name: form[name] for name in form if name in rest}, "grid": json.dumps(grid)}
    assert read_form(sent) == read_form(form)
    for broken in ("[1]", "{", "[" * 100_000, json.dumps({"row-rows": 10**9, "in-rows": "x"})):
        assert TABLE.check_form(read_form({"grid": broken})) == []


def test_a_cell_is_changed_and_saved(dora: Client) -> None:
    make_table()
    form = form_of(dora)
    form["row-2-when-0"] = "> 60000"
    dora.post(EDIT, form)
    assert Asset.objects.get().draft["rows"][2]["when"] == ["> 60000", '"south"']


@pytest.mark.parametrize(
    ("act", "ids"),
    [
        ("add:row", ["r1", "r2", "r3", "r4"]),
        ("add:row:0", ["r1", "r4", "r2", "r3"]),
        ("copy:row:0", ["r1", "r4", "r2", "r3"]),
        ("remove:row:1", ["r1", "r3"]),
        ("up:row:2", ["r1", "r3", "r2"]),
        ("down:row:2", ["r1", "r2", "r3"]),
        ("nonsense", ["r1", "r2", "r3"]),
        ("remove:row:99", ["r1", "r2", "r3"]),
    ],
)  # fmt: skip
def test_rows_change_without_being_saved(dora: Client, act: str, ids: list[str]) -> None:
    make_table()
    form = form_of(dora)
    form["row"] = act
    html = dora.post(EDIT, form).content.decode()
    assert re.findall(r'name="row-\d+-id" value="(\w*)"', html) == ids
    assert Asset.objects.get().draft_revision == 1


def test_a_column_takes_its_cells_along(dora: Client) -> None:
    fields = fill_form(LIMITS, {**_flat(), "row": "up:in:1"})["fields"]
    assert [each["name"] for each in fields["in"]] == ["region", "amount"]
    assert [each["when"] for each in fields["row"]] == [
        ["-", "<= 1000"], ['"north"', "> 1000"], ['"south"', "> 50000"],
    ]  # fmt: skip
    assert (fields["given"], fields["test"][0]["given"]) == (["region", "amount"], ["north", "500"])
    fields = fill_form(LIMITS, {**_flat(), "row": "remove:in:0"})["fields"]
    assert [each["when"] for each in fields["row"]] == [["-"], ['"north"'], ['"south"']]
    fields = fill_form(LIMITS, {**_flat(), "row": "add:out"})["fields"]
    assert fields["row"][0]["then"] == ["amount", ""]
    assert fields["focus"] == "outputs.1"


def _flat() -> dict[str, Any]:
    """Return the fields of the form of LIMITS, as its page has them."""
    asset = Asset(kind="table", name="limits", title="Limits", draft=LIMITS)
    from django.template.loader import render_to_string

    form = fill_form(asset.draft)
    html = render_to_string("flows/tables/_form.html", {"form": form, "fields": form["fields"]})
    return dict(post_untouched(f"<form>{html}</form>").items())


def test_problems_gaps_and_tests_are_shown_while_it_is_edited(dora: Client) -> None:
    make_table()
    preview = dora.post("/tables/limits/preview/", form_of(dora)).content.decode()
    assert "No problems" in preview
    assert "No row matches Amount (1000..50000], region not(&quot;north&quot;)" in preview
    gap = re.search(r'value="(fill:[^"]+)"', preview)
    assert gap
    form = form_of(dora)
    form["row"] = gap[1].replace("&quot;", '"')
    filled = dora.post(EDIT, form).content.decode()
    assert 'name="row-3-when-0" value="(1000..50000]"' in filled
    form = form_of(dora)
    form["test-0-expect"] = "501"
    preview = dora.post("/tables/limits/preview/", form).content.decode()
    assert "1 failing test keeps it from being published." in " ".join(preview.split())
    form = form_of(dora)
    form["row-0-when-0"] = "much"
    preview = dora.post("/tables/limits/preview/", form).content.decode()
    assert 'data-at="rows.0.when.0"' in preview
    assert "Row 1, Amount: much names no input." in preview


def test_a_table_is_published_released_and_compared_by_cell(dora: Client) -> None:
    make_table()
    form = form_of(dora)
    form["row-2-when-0"] = "> 60000"
    dora.post(EDIT, form)
    shown = page(dora, "/tables/limits/compare/?a=1")
    assert "Row 3, Amount" in shown
    publish = {"note": "Higher", "release": "1",
               "revision": revision_on(dora, "/tables/limits/publish/")}  # fmt: skip
    assert dora.post("/tables/limits/publish/", publish).status_code == 302
    assert Asset.objects.get().released.number == 2
    page(dora, "/tables/limits/versions/")
    assert "No run of a flow that is pinned to version 2" in page(dora, "/tables/limits/")


def test_a_file_becomes_the_draft_and_a_broken_one_is_refused(dora: Client) -> None:
    make_table()
    changed = {**LIMITS, "rows": LIMITS["rows"][:2]}
    text = write_dmn("limits", "Limits", changed)
    revision = revision_on(dora, EDIT)
    upload = SimpleUploadedFile("limits.dmn", text.encode())
    answer = dora.post(
        "/tables/limits/import/", {"file": upload, "revision": revision}, follow=True
    )
    assert "The file is revision 2 of the draft." in answer.content.decode()
    assert Asset.objects.get().draft == changed
    revision = revision_on(dora, EDIT)
    for name, content, words in (
        ("x.dmn", b"<!DOCTYPE a []><definitions/>", "document type"),
        ("x.xlsx", b"x", "&#x27;xlsx&#x27; is no form of a table"),
        ("x.csv", b"\xff", "not text in UTF-8"),
        ("x.yaml", b"schema: countersign/prompt@1\nname: a", "This is a prompt"),
    ):
        sent = {"file": SimpleUploadedFile(name, content), "revision": revision}
        answer = dora.post("/tables/limits/import/", sent, follow=True)
        assert words in answer.content.decode(), name
    assert Asset.objects.get().draft == changed


@pytest.mark.parametrize("form", ["", "dmn", "csv", "xlsx"])
def test_a_table_is_exported_in_each_of_its_forms(dora: Client, form: str) -> None:
    make_table()
    answer = dora.get(f"/tables/limits/export/?format={form}&version=1")
    assert answer.status_code == (404 if form == "xlsx" else 200)


def test_who_may_only_view_sees_the_table_and_changes_nothing(rita: Client) -> None:
    make_table()
    assert "Row" in page(rita, "/tables/limits/")
    assert rita.get(EDIT).status_code == 403
    assert rita.post("/tables/limits/import/", {}).status_code == 403
    assert rita.get("/api/v1/tables/limits").status_code == 200
    assert rita.put("/api/v1/tables/limits/draft", "{}", "application/json").status_code == 403


def test_the_api_reads_and_writes_a_table_and_its_files(dora: Client) -> None:
    made = dora.post(
        "/api/v1/tables", {"name": "limits", "content": LIMITS}, "application/json"
    )  # fmt: skip
    assert made.status_code == 201, made.content
    got = dora.get("/api/v1/tables/limits")
    assert (got.json()["draft"], got.json()["problems"]) == (LIMITS, [])
    file = dora.get("/api/v1/tables/limits/file?form=csv").json()
    assert file["name"] == "limits.csv"
    body = {"name": "limits.csv", "text": file["text"].replace("> 50000", "> 60000")}
    saved = dora.put(
        "/api/v1/tables/limits/file", body, "application/json", headers={"if-match": got["ETag"]}
    )
    assert saved.status_code == 200, saved.content
    assert saved.json()["draft"]["rows"][2]["when"][0] == "> 60000"
    ran = dora.post("/api/v1/tables/limits/tests", {}, "application/json").json()
    assert (ran["passed"], ran["failed"]) == (1, 0)
    wrong = {**body, "text": "in:n:nonsense"}
    refused = dora.put(
        "/api/v1/tables/limits/file", wrong, "application/json", headers={"if-match": saved["ETag"]}
    )
    assert (refused.status_code, refused.json()["errors"][0]["at"]) == (422, "file")


def test_a_further_input_is_kept_by_the_form_and_given_to_tests(dora: Client) -> None:
    rows = [{"id": "r1", "when": ["> floor", "-"], "then": ["1"]}]
    make_table(publish=False, given=["floor"], rows=rows, tests=[])
    before = Asset.objects.get().draft
    assert before["given"] == ["floor"]
    form = form_of(dora)
    assert (form["also"], form["given-2"]) == ("floor", "floor")
    assert dora.post(EDIT, form).status_code == 302
    assert Asset.objects.get().draft == before
    assert dora.get("/api/v1/tables/limits").json()["problems"] == []
