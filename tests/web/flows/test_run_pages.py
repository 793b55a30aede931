"""The pages of runs, artifacts and health."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import BulkAct, Journal, Run, Wait, Worker
from flows.runtime.artifacts import store_artifact
from flows.runtime.held import give_artifacts
from flows.runtime.labels import Label
from tests.factories.flows import NOW, make_flow
from tests.factories.runs import (
    add_journal,
    make_completed_run,
    make_failed_run,
    make_retrying_run,
    make_run,
    make_waiting_run,
)
from tests.web.pages import text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db

PAGES = [
    "",
    "head/",
    "timeline/",
    "journal/",
    "journal/rows/",
    "data/",
    "compare/",
    "canvas.json",
    "status.json",
]


# --- The list ---


def test_the_list_shows_each_run_with_its_state(auditor: Client) -> None:
    flow = make_flow()
    make_completed_run(flow)
    make_failed_run(flow, message="The rate service is down.")
    make_waiting_run(flow)
    shown = text_of(auditor.get("/runs/"))
    assert "The rate service is down." in shown
    assert 'data-status="waiting_for_person"' in shown
    assert "underwriting" in shown


def test_the_list_makes_as_many_queries_for_fifty_runs_as_for_one(
    auditor: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    flow = make_flow()
    for _ in range(25):
        make_completed_run(flow)
        make_waiting_run(flow)
    with django_assert_max_num_queries(8):  # type: ignore[attr-defined]
        auditor.get("/runs/")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=failed", {"failed"}),
        ("state=waiting", {"waiting"}),
        ("state=running", {"running"}),
        ("flow=other", {"other"}),
        ("version=9", set()),
        ("outcome=settled", {"completed", "other"}),
        ("q=application-7", {"failed"}),
        ("q=furniture", {"running"}),
        ("from=2026-03-10T12:00", {"other"}),
        ("to=2026-03-10T12:00", {"failed", "waiting", "running", "completed"}),
        ("flow=loan&state=failed", {"failed"}),
    ],
)
def test_the_list_is_narrowed_by(auditor: Client, query: str, found: set[str]) -> None:
    loan, other = make_flow("loan"), make_flow("other")
    runs = {
        "completed": make_completed_run(loan),
        "failed": make_failed_run(loan, idempotency_key="application-7"),
        "waiting": make_waiting_run(loan),
        "running": make_run(loan, input={"amount": 5, "purpose": "furniture"}),
        "other": make_completed_run(other, started=NOW + timedelta(hours=4)),
    }
    shown = text_of(auditor.get(f"/runs/rows/?{query}"))
    assert {name for name, run in runs.items() if f'id="run-{run.pk}"' in shown} == found


def test_a_run_is_found_by_its_id(auditor: Client) -> None:
    flow = make_flow()
    wanted, other = make_run(flow, input={}), make_run(flow, input={})
    shown = text_of(auditor.get(f"/runs/rows/?q={wanted.pk}"))
    assert f'id="run-{wanted.pk}"' in shown
    assert f'id="run-{other.pk}"' not in shown


def test_pages_go_on_from_the_last_id(auditor: Client) -> None:
    flow = make_flow()
    runs = [make_run(flow) for _ in range(52)]
    first = text_of(auditor.get("/runs/rows/"))
    assert f"before={runs[2].pk}" in first
    rest = text_of(auditor.get(f"/runs/rows/?before={runs[2].pk}"))
    assert f'id="run-{runs[1].pk}"' in rest
    assert f'id="run-{runs[2].pk}"' not in rest


def test_a_senseless_filter_is_no_error(auditor: Client) -> None:
    make_run(make_flow())
    for query in (
        "from=yesterday",
        "version=x",
        "before=-1",
        "before=9" * 40,
        "state=odd",
    ):
        assert auditor.get(f"/runs/?{query}").status_code == 200


@pytest.mark.parametrize("query", ["q=%00", "%00=1"])
def test_an_address_with_a_nul_is_refused(auditor: Client, query: str) -> None:
    answer = auditor.get(f"/runs/?{query}")
    assert answer.status_code == 422
    assert b"NUL" in answer.content


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=yesterday", "Started from: &#x27;yesterday&#x27; is not a date and time."),
        ("to=2026-02-30", "Started before: &#x27;2026-02-30&#x27; is not a date."),
        ("from=0001-01-01T00:00", "Use a year from 1000 to 9000."),
        ("version=x", "Version: &#x27;x&#x27; is not the number of a version."),
    ],
)
def test_a_filter_that_cannot_be_read_shows_no_runs_and_says_so(
    operator: Client, query: str, words: str
) -> None:
    run = make_run(make_flow())
    for page in ("/runs/", "/runs/rows/"):
        shown = text_of(operator.get(f"{page}?{query}"))
        assert words in shown
        assert f'id="run-{run.pk}"' not in shown
    assert "Act on" not in text_of(operator.get(f"/runs/?{query}"))


@pytest.mark.parametrize("query", ["from=yesterday", "to=2026-13-01", "version=x"])
def test_nothing_is_done_to_many_by_a_filter_that_cannot_be_read(
    operator: Client, query: str
) -> None:
    make_failed_run(make_flow())
    shown = text_of(operator.get(f"/runs/many/?{query}"))
    assert "A filter cannot be read" in shown
    assert 'name="act"' not in shown
    assert "no filter: all of them" not in shown
    answer = operator.post(f"/runs/many/?{query}", {"act": "cancel"})
    assert answer.status_code == 422
    assert not BulkAct.objects.exists()


def test_runs_out_of_reach_are_neither_shown_nor_counted(client_of: Callable[..., Client]) -> None:
    make_failed_run(make_flow("secret"), message="Hidden")
    shown = text_of(client_of(Role.OPERATOR, flow="loan").get("/runs/rows/?q=1200"))
    assert "Hidden" not in shown
    assert 'class="count num">1<' not in shown


def test_an_empty_list_teaches_the_first_step(operator: Client) -> None:
    assert "No runs yet" in text_of(operator.get("/runs/"))


# --- One run ---


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "make", [make_run, make_completed_run, make_failed_run, make_waiting_run, make_retrying_run]
)
def test_each_page_of_a_run_answers(auditor: Client, make: Callable[..., Run], path: str) -> None:
    run = make(make_flow(), started=timezone.now())
    assert auditor.get(f"/runs/{run.pk}/{path}").status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_run_out_of_reach_is_as_if_it_were_not_there(
    client_of: Callable[..., Client], path: str
) -> None:
    run = make_run(make_flow("secret"))
    client = client_of(Role.OPERATOR, flow="loan")
    assert client.get(f"/runs/{run.pk}/{path}").status_code == 404
    assert client.get(f"/runs/999999/{path}").status_code == 404


def test_the_first_failure_is_the_headline(auditor: Client) -> None:
    run = make_failed_run(make_flow())
    shown = text_of(auditor.get(f"/runs/{run.pk}/head/"))
    assert "Fee failed" in shown
    assert "after 3 attempts" in shown
    assert "The rate service is down." in shown


def test_the_consequences_of_a_failure_are_folded(auditor: Client) -> None:
    run = make_failed_run(make_flow())
    other = run.tokens.create(step="settle", state="failed", since=run.started_at)
    add_journal(
        run,
        "step.failed",
        "settle",
        after=5,
        token_id=other.pk,
        activation=1,
        data={"message": "No fee."},
    )
    shown = text_of(auditor.get(f"/runs/{run.pk}/head/"))
    assert (
        shown.index("Fee failed") < shown.index("1 more failed as a result") < shown.index("Settle")
    )


def test_a_wait_says_for_whom_and_since_when(auditor: Client) -> None:
    run = make_waiting_run(make_flow(), started=timezone.now())
    shown = text_of(auditor.get(f"/runs/{run.pk}/head/"))
    assert "waits for" in shown
    assert "underwriting" in shown


def test_a_retry_says_when_the_next_attempt_is(auditor: Client) -> None:
    run = make_retrying_run(make_flow(), started=timezone.now())
    assert "tries again" in text_of(auditor.get(f"/runs/{run.pk}/head/"))


def test_a_step_run_shows_what_it_got_and_gave(auditor: Client) -> None:
    run = make_completed_run(make_flow())
    status = auditor.get(f"/runs/{run.pk}/status.json").json()
    assert status["steps"]["fee"] == {
        "state": "done", "since": status["steps"]["fee"]["since"], "visits": 1, "ms": 800.0,
    }  # fmt: skip
    assert status["edges"] == {"fee.done -> settle": {"state": "taken", "count": 1}}
    page = text_of(auditor.get(f"/runs/{run.pk}/timeline/"))
    key = page.split('id="step-', 1)[1].split('"', 1)[0]
    detail = text_of(auditor.get(f"/runs/{run.pk}/steps/{key}/"))
    assert "rates-2" in detail
    assert "24" in detail
    for unknown in ("9.9", "x", "1.x", "..", "9" * 30):
        assert auditor.get(f"/runs/{run.pk}/steps/{unknown}/").status_code == 404


def test_what_a_step_got_is_rendered_from_what_was_known_then(auditor: Client) -> None:
    run = make_completed_run(make_flow(), input={"amount": 5000, "purpose": "car"})
    token = Journal.objects.filter(run_id=run.pk, step="fee").values_list("token_id", flat=True)[0]
    detail = text_of(auditor.get(f"/runs/{run.pk}/steps/{token}.1/"))
    assert "100" in detail


def test_the_status_of_a_run_of_a_thousand_rows_costs_as_much_as_of_ten(
    auditor: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    run = make_run(make_flow(), started=timezone.now())
    for number in range(60):
        add_journal(
            run,
            "step.finished",
            "fee",
            after=number,
            took=0.1,
            token_id=1,
            activation=number,
            port="done",
        )
    with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
        status = auditor.get(f"/runs/{run.pk}/status.json").json()
    assert status["steps"]["fee"]["visits"] == 60


def test_the_run_page_makes_a_bounded_number_of_queries(
    auditor: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    run = make_waiting_run(make_flow(), started=timezone.now())
    with django_assert_max_num_queries(10):  # type: ignore[attr-defined]
        auditor.get(f"/runs/{run.pk}/")


def test_the_journal_is_paged(auditor: Client) -> None:
    run = make_run(make_flow())
    for number in range(205):
        add_journal(run, "step.finished", "fee", after=number, token_id=1, activation=number)
    assert "after=200" in text_of(auditor.get(f"/runs/{run.pk}/journal/"))
    assert 'id="journal-206"' in text_of(auditor.get(f"/runs/{run.pk}/journal/?after=200"))


def test_a_failed_run_is_compared_with_the_last_that_went_well(auditor: Client) -> None:
    flow = make_flow()
    make_completed_run(flow)
    run = make_failed_run(flow, input={"amount": 99, "purpose": "car"})
    shown = text_of(auditor.get(f"/runs/{run.pk}/compare/"))
    assert "amount" in shown
    assert "not reached" in shown


def test_a_run_without_a_success_before_it_has_nothing_to_compare(auditor: Client) -> None:
    run = make_failed_run(make_flow())
    assert "Nothing to compare with" in text_of(auditor.get(f"/runs/{run.pk}/compare/"))


# --- Acts ---


def test_a_run_is_cancelled(operator: Client) -> None:
    run = make_run(make_flow())
    assert operator.post(f"/runs/{run.pk}/cancel/", {"reason": "Twice"}).status_code == 302
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_cancelling_a_run_that_has_ended_is_a_conflict_and_shows_the_run(operator: Client) -> None:
    run = make_completed_run(make_flow())
    response = operator.post(f"/runs/{run.pk}/cancel/")
    assert response.status_code == 409
    assert "Nothing was done." in text_of(response)


def test_a_failed_run_is_retried(operator: Client) -> None:
    run = make_failed_run(make_flow())
    assert operator.post(f"/runs/{run.pk}/retry/").status_code == 302
    run.refresh_from_db()
    assert run.status == "running"
    assert operator.post(f"/runs/{run.pk}/retry/").status_code == 409


def test_a_run_is_paused_and_resumed(operator: Client) -> None:
    run = make_run(make_flow())
    operator.post(f"/runs/{run.pk}/pause/")
    run.refresh_from_db()
    assert run.status == "paused"
    operator.post(f"/runs/{run.pk}/pause/", {"resume": "1"})
    run.refresh_from_db()
    assert run.status == "running"


def test_a_called_run_names_its_caller_and_that_it_was_paused_with_it(operator: Client) -> None:
    flow = make_flow()
    caller = make_run(flow)
    wait = Wait.objects.create(
        run=caller, token_id=1, activation=1, step="call", kind="child", opened_at=NOW
    )
    called = make_run(flow, parent_wait_id=wait.pk)
    link = f'<dd><a href="/runs/{caller.pk}/">run {caller.pk}</a>'
    assert f"<dt>Called by</dt>{link}" in text_of(operator.get(f"/runs/{called.pk}/"))
    operator.post(f"/runs/{caller.pk}/pause/")
    page = text_of(operator.get(f"/runs/{called.pk}/"))
    assert f"<dt>Paused with</dt>{link}, which called it" in page


def test_a_run_is_run_again_with_its_input(operator: Client) -> None:
    run = make_completed_run(make_flow())
    response = operator.post(f"/runs/{run.pk}/rerun/", {"version": "same"})
    made = Run.objects.latest("pk")
    assert response["Location"] == f"/runs/{made.pk}/"
    assert (made.input, made.trigger) == (run.input, "rerun")


def test_running_again_an_input_that_no_longer_fits_says_why(operator: Client) -> None:
    run = make_completed_run(make_flow(), input={"amount": 0})
    assert operator.post(f"/runs/{run.pk}/rerun/").status_code == 422


@pytest.mark.parametrize("act", ["cancel", "retry", "pause", "rerun"])
def test_only_who_may_operate_acts_on_a_run(
    auditor: Client, client_of: Callable[..., Client], act: str
) -> None:
    run = make_run(make_flow("loan"))
    make_flow("other")
    assert auditor.post(f"/runs/{run.pk}/{act}/").status_code == 403
    elsewhere = client_of(Role.OPERATOR, flow="other")
    assert elsewhere.post(f"/runs/{run.pk}/{act}/").status_code == 404
    assert auditor.get(f"/runs/{run.pk}/{act}/").status_code in {403, 405}


# --- Artifacts ---


def read(response: Any) -> bytes:
    """Return the body, read to its end, which closes the file behind it."""
    return b"".join(response.streaming_content) if response.streaming else response.content


def fetch(client: Client, address: str) -> tuple[int, bytes]:
    response = client.get(address)
    body = read(response)
    return response.status_code, body


def test_an_artifact_is_served_through_a_run_that_holds_it(auditor: Client) -> None:
    found = store_artifact(
        content=b"<script>alert(1)</script>", media_type="text/html", name="a.html", now=NOW
    )
    run = make_run(make_flow(), input={"document": found})
    response = auditor.get(f"/artifacts/{found['artifact']}/?run={run.pk}")
    assert response["Content-Disposition"] == 'attachment; filename="a.html"'
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Security-Policy"].startswith("sandbox;")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert read(response)
    assert "a.html" in text_of(auditor.get(f"/runs/{run.pk}/data/"))


def test_an_artifact_of_a_steps_output_is_served(auditor: Client) -> None:
    found = store_artifact(content=b"%PDF-1.7", media_type="application/pdf", name="p.pdf", now=NOW)
    run = make_run(make_flow())
    add_journal(run, "step.finished", "fee", data={"made": [found]}, token_id=1, activation=1)
    address = f"/artifacts/{found['artifact']}/?run={run.pk}"
    # A step can write any digest into its output: that gives the run nothing.
    assert auditor.get(address).status_code == 404
    give_artifacts(run.pk, {found["artifact"]: Label("p.pdf", "application/pdf")})
    response = auditor.get(address)
    assert response.status_code == 200
    assert "attachment" in response["Content-Disposition"]
    assert read(response)


def test_an_artifact_is_not_served_without_a_run_that_holds_it(
    auditor: Client, client_of: Callable[..., Client]
) -> None:
    found = store_artifact(content=b"secret", media_type="text/plain", name="s.txt", now=NOW)
    flow = make_flow("loan")
    run, other = make_run(flow, input={"document": found}), make_run(flow)
    address = f"/artifacts/{found['artifact']}/"
    assert auditor.get(address).status_code == 404
    assert auditor.get(f"{address}?run={other.pk}").status_code == 404
    assert fetch(auditor, f"{address}?run={run.pk}") == (200, b"secret")
    elsewhere = client_of(Role.OPERATOR, flow="other")
    assert elsewhere.get(f"{address}?run={run.pk}").status_code == 404


# --- Health ---


def test_health_says_when_no_worker_is_alive(operator: Client) -> None:
    assert "No worker is alive" in text_of(operator.get("/health/"))


def test_health_tells_a_silent_worker_from_a_live_one(operator: Client) -> None:
    now = timezone.now()
    Worker.objects.create(name="fresh", started_at=now, beat_at=now)
    Worker.objects.create(name="silent", started_at=now, beat_at=now - timedelta(minutes=5))
    shown = text_of(operator.get("/health/panels/"))
    assert 'data-status="alive"' in shown
    assert 'data-status="lost"' in shown
    assert "No worker is alive" not in shown


def test_health_counts_what_is_overdue(operator: Client) -> None:
    make_retrying_run(make_flow())
    assert "The clock is behind" in text_of(operator.get("/health/"))


def test_a_reviewer_may_not_see_health(client_of: Callable[..., Client], db: None) -> None:
    assert client_of(Role.REVIEWER).get("/health/").status_code == 403
