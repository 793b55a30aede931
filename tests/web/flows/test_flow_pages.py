"""The pages of flows: list, making one, overview, draft as text, publishing, versions."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import Flow, Run
from tests.factories.flows import LOAN, make_flow, make_version
from tests.factories.runs import make_run
from tests.web.pages import publish, text_of
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db


# --- The list ---


def test_the_list_tells_release_and_runs_of_the_last_day(auditor: Client) -> None:
    flow = make_flow(versions=2)
    make_run(flow, started=timezone.now(), status="failed")
    shown = text_of(auditor.get("/flows/"))
    assert "Consumer loan" in shown
    assert "v2" in shown
    assert "/runs/?flow=loan&amp;state=failed" in shown


def test_the_list_makes_as_many_queries_for_fifty_flows_as_for_one(
    auditor: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(50):
        make_flow(f"flow-{number}")
    auditor.get("/flows/")  # fills what is kept by revision
    with django_assert_max_num_queries(6):  # type: ignore[attr-defined]
        auditor.get("/flows/")


def test_the_list_shows_only_flows_within_reach(client_of: Callable[..., Client]) -> None:
    make_flow("loan")
    make_flow("secret", title="Secret plans")
    shown = text_of(client_of(Role.DESIGNER, flow="loan").get("/flows/"))
    assert "Consumer loan" in shown
    assert "Secret plans" not in shown


def test_an_empty_list_teaches_the_first_step(designer: Client) -> None:
    assert "Start from a template" in text_of(designer.get("/flows/"))


def test_a_search_without_a_match_says_so(designer: Client) -> None:
    make_flow()
    assert "No matching flow" in text_of(designer.get("/flows/?q=zebra"))


def test_a_reviewer_may_not_see_flows(client_of: Callable[..., Client], db: None) -> None:
    assert client_of(Role.REVIEWER).get("/flows/").status_code == 403


# --- Making one ---


def test_a_flow_starts_blank(designer: Client) -> None:
    response = designer.post("/flows/new/", {"from": "blank", "title": "Claim intake"})
    assert response.status_code == 302
    assert response["Location"] == "/flows/claim-intake/edit/"
    assert Entry.objects.filter(action="flow.created").count() == 1


def test_a_flow_starts_from_an_example(designer: Client) -> None:
    start = {"from": "support_triage/flow", "title": "Mine", "name": "mine"}
    designer.post("/flows/new/", start)
    assert "review" in Flow.objects.get(name="mine").draft["steps"]


def test_a_flow_is_imported_from_text(designer: Client) -> None:
    source = "schema: countersign/flow@1\nname: bare\ntitle: Bare\nsteps: {}\nedges: []\n"
    designer.post("/flows/new/", {"from": "text", "text": source})
    assert Flow.objects.get(name="bare").title == "Bare"


def test_unreadable_text_is_told_with_its_line_and_kept(designer: Client) -> None:
    response = designer.post("/flows/new/", {"from": "text", "text": "name: x\nsteps: [oops\n"})
    assert response.status_code == 422
    assert "steps: [oops" in text_of(response)
    assert "Line " in text_of(response)
    assert not Flow.objects.exists()


def test_a_taken_name_is_refused_at_its_field(designer: Client) -> None:
    make_flow("loan")
    response = designer.post("/flows/new/", {"from": "blank", "title": "Loan", "name": "loan"})
    assert response.status_code == 422
    assert 'aria-describedby="name-error"' in text_of(response)


def test_an_operator_may_not_make_flows(operator: Client) -> None:
    assert operator.post("/flows/new/", {"title": "x"}).status_code == 403


# --- Overview ---


@pytest.mark.parametrize(
    "path",
    [
        "",
        "activity/",
        "versions/",
        "compare/",
        "text/",
        "canvas.json",
        "export/",
        "versions/1/export/",
    ],
)
def test_each_page_of_a_flow_answers_those_who_may_look(auditor: Client, path: str) -> None:
    make_flow()
    assert auditor.get(f"/flows/loan/{path}").status_code == 200
    assert auditor.get(f"/flows/nowhere/{path}").status_code == 404


def test_a_flow_out_of_reach_is_refused(client_of: Callable[..., Client]) -> None:
    make_flow("loan")
    assert client_of(Role.DESIGNER, flow="other").get("/flows/loan/").status_code == 403


def test_the_overview_says_that_the_draft_differs(designer: Client) -> None:
    flow = make_flow()
    flow.draft = {**flow.draft, "title": "Another"}
    flow.save()
    assert "The draft differs from version 1" in text_of(designer.get("/flows/loan/"))


def test_a_version_that_is_not_there_is_404(auditor: Client) -> None:
    make_flow()
    assert auditor.get("/flows/loan/versions/9/canvas.json").status_code == 404


# --- Draft as text ---


def test_text_is_saved_as_an_edit_that_can_be_undone(designer: Client) -> None:
    flow = make_flow()
    text = text_of(designer.get("/flows/loan/export/")).replace("Consumer loan", "Car loan")
    response = designer.post("/flows/loan/text/", {"text": text, "revision": flow.draft_revision})
    assert response.status_code == 302
    flow.refresh_from_db()
    assert flow.title == "Car loan"
    assert flow.operations.count() == 1


def test_text_that_is_no_document_is_kept_with_its_problems(designer: Client) -> None:
    make_flow()
    response = designer.post("/flows/loan/text/", {"text": "name: [", "revision": 0})
    assert response.status_code == 422
    assert "name: [" in text_of(response)
    assert Flow.objects.get().title == "Consumer loan"


def test_text_from_an_older_draft_is_a_conflict_and_kept(designer: Client) -> None:
    flow = make_flow()
    text = text_of(designer.get("/flows/loan/export/"))
    Flow.objects.update(draft_revision=5)
    response = designer.post("/flows/loan/text/", {"text": text, "revision": flow.draft_revision})
    assert response.status_code == 409
    assert "Somebody else saved this while you were editing it" in text_of(response)
    again = {"text": text, "revision": 0, "over": "5"}
    assert designer.post("/flows/loan/text/", again).status_code == 302


def test_who_may_only_look_may_not_save_text(auditor: Client) -> None:
    make_flow()
    assert auditor.post("/flows/loan/text/", {"text": "x", "revision": 0}).status_code == 403


# --- Publishing ---


def test_publishing_makes_and_releases_a_version(designer: Client) -> None:
    make_flow(versions=0, released=False)
    response = publish(designer, {"note": "First", "release": "1"})
    assert response.status_code == 302
    flow = Flow.objects.get()
    assert flow.released is not None
    assert (flow.released.number, flow.released.note) == (1, "First")
    assert Entry.objects.filter(action="flow.published").exists()


def test_publishing_asks_for_a_note(designer: Client) -> None:
    make_flow(versions=0, released=False)
    assert publish(designer, {"note": " "}).status_code == 422
    assert not Flow.objects.get().versions.exists()


def test_a_draft_with_errors_cannot_be_published(designer: Client) -> None:
    make_flow(versions=0, released=False, edges=["fee.done -> nowhere"])
    page = text_of(designer.get("/flows/loan/publish/"))
    assert "nowhere" in page
    assert publish(designer, {"note": "Go"}).status_code == 422


def test_publishing_what_equals_the_last_version_is_a_conflict(designer: Client) -> None:
    make_flow(versions=0, released=False)
    publish(designer, {"note": "First"})
    assert publish(designer, {"note": "Again"}).status_code == 409


def test_the_publish_page_shows_what_changes(designer: Client) -> None:
    flow = make_flow()
    flow.draft = {**flow.draft, "description": "Now with a fee."}
    flow.save()
    assert "<ins>description: Now with a fee.</ins>" in text_of(
        designer.get("/flows/loan/publish/")
    )


def test_releasing_an_older_version_is_a_rollback(designer: Client) -> None:
    flow = make_flow(versions=2)
    assert designer.post("/flows/loan/versions/1/release/").status_code == 302
    flow.refresh_from_db()
    assert flow.released is not None
    assert flow.released.number == 1
    assert Entry.objects.filter(action="flow.rolled_back").exists()
    assert designer.get("/flows/loan/versions/1/release/").status_code == 405


def test_an_auditor_may_not_release(auditor: Client) -> None:
    make_flow(versions=2)
    assert auditor.post("/flows/loan/versions/1/release/").status_code == 403


def test_two_versions_are_compared(auditor: Client) -> None:
    flow = make_flow()
    make_version(flow, 2, {**LOAN, "description": "Another."})
    shown = text_of(auditor.get("/flows/loan/compare/?a=1&b=2"))
    assert "<ins>description: Another.</ins>" in shown
    assert auditor.get("/flows/loan/compare/?a=7").status_code == 404


# --- Starting ---


def test_the_form_starts_a_run(operator: Client) -> None:
    make_flow()
    form = {"mode": "form", "key": "form-1", "f.amount": "1200.5", "f.purpose": '"car"'}
    response = operator.post("/flows/loan/start/", form)
    run = Run.objects.get()
    assert response["Location"] == f"/runs/{run.pk}/"
    assert run.input == {"amount": 1200.5, "purpose": "car", "urgent": False}
    assert run.trigger == "manual"


def test_sending_the_form_twice_starts_one_run(operator: Client) -> None:
    make_flow()
    form = {"mode": "form", "key": "form-1", "f.amount": "1200", "f.purpose": '"car"'}
    first, second = (
        operator.post("/flows/loan/start/", form),
        operator.post("/flows/loan/start/", form),
    )
    assert first["Location"] == second["Location"]
    assert Run.objects.count() == 1


def test_a_form_error_stands_at_its_field_and_keeps_what_was_typed(operator: Client) -> None:
    make_flow()
    form = {"mode": "form", "f.amount": "0", "f.purpose": '"car"', "f.tags": "[oops"}
    response = operator.post("/flows/loan/start/", form)
    shown = text_of(response)
    assert response.status_code == 422
    assert '<a href="#f-tags">Tags</a>' in shown
    assert "[oops" in shown
    assert not Run.objects.exists()


def test_json_that_breaks_the_contract_is_refused_with_the_path(operator: Client) -> None:
    make_flow()
    response = operator.post(
        "/flows/loan/start/", {"mode": "json", "text": '{"amount": "many", "purpose": "car"}'}
    )
    assert response.status_code == 422
    assert "amount: Must be of type number" in text_of(response)


def test_a_sample_fills_the_form(operator: Client) -> None:
    make_flow()
    assert 'value="1200"' in text_of(operator.get("/flows/loan/start/?sample=small"))


def test_a_flow_without_a_release_says_so_instead_of_a_form(operator: Client) -> None:
    make_flow(released=False)
    assert "Nothing is released" in text_of(operator.get("/flows/loan/start/"))


def test_an_auditor_may_not_start(auditor: Client) -> None:
    make_flow()
    assert auditor.post("/flows/loan/start/", {}).status_code == 403
