"""``manage.py run``, on the database."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from flows.models import BulkAct, Run
from flows.services.bulk import work_off_chunk
from tests.factories.flows import make_flow
from tests.factories.runs import make_completed_run, make_failed_run, make_run

pytestmark = pytest.mark.django_db


def run(*arguments: object) -> tuple[int, str, str]:
    """Return exit code, what was printed and what was complained of."""
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("run", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, out.getvalue(), err.getvalue()


def status(of: Run) -> str:
    of.refresh_from_db()
    return of.status


def test_runs_are_listed_and_one_is_shown_with_its_journal() -> None:
    flow = make_flow()
    failed = make_failed_run(flow)
    make_completed_run(flow)
    _, listed, _ = run("list", "--state", "failed")
    assert listed.split()[:2] == [str(failed.pk), "failed"]
    _, shown, _ = run("show", failed.pk)
    assert "step.failed" in shown
    assert "The rate service is down." in shown


def test_runs_are_operated_by_id() -> None:
    one = make_run(make_flow())
    assert run("pause", one.pk)[:2] == (0, f"Run {one.pk}: paused\n")
    assert run("resume", one.pk)[:2] == (0, f"Run {one.pk}: running\n")
    assert run("lane", one.pk, "--lane", "bulk")[0] == 0
    assert run("cancel", one.pk, "--reason", "a mistake")[0] == 0
    one.refresh_from_db()
    assert (one.status, one.priority, one.error["message"]) == ("cancelled", 200, "a mistake")


def test_a_refused_run_is_reported_and_stops_no_other() -> None:
    flow = make_flow()
    done, failed = make_completed_run(flow), make_failed_run(flow)
    code, out, err = run("retry", done.pk, failed.pk)
    assert (code, out) == (1, f"Run {failed.pk}: running\n")
    assert "has not failed" in err


def test_a_rerun_says_its_plan_and_then_does_it() -> None:
    done = make_completed_run(make_flow())
    _, plan, _ = run("rerun", done.pk, "--step", "settle", "--plan")
    assert "kept: fee" in plan
    assert Run.objects.count() == 1
    code, _, _ = run(
        "rerun", done.pk, "--step", "settle", "--input", '{"amount": 3, "purpose": "car"}'
    )
    made = Run.objects.latest("pk")
    assert (code, made.rerun_of_id, made.input["amount"]) == (0, done.pk, 3)


def test_a_bulk_act_only_counts_its_runs_until_it_is_confirmed() -> None:
    flow = make_flow()
    failed = [make_failed_run(flow) for _ in range(2)]
    _, out, _ = run("retry", "--flow", "loan", "--error", "http")
    assert out.startswith("2 runs match.")
    assert not BulkAct.objects.exists()
    run("retry", "--flow", "loan", "--yes")
    bulk = BulkAct.objects.get()
    work_off_chunk({"bulk": bulk.pk, "after": 0}, timezone.now())
    assert [status(each) for each in failed] == ["running", "running"]


def test_an_unknown_run_is_named() -> None:
    with pytest.raises(CommandError, match="no run 99"):
        run("show", 99)
    done = make_completed_run(make_flow())
    with pytest.raises(CommandError, match="no version 7"):
        run("migrate", done.pk, "--version-number", 7)
    with pytest.raises(CommandError, match="one flow"):
        run("migrate", "--version-number", 1, "--yes")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-01-31T08:00", "does not say its offset from UTC"),
        ("2026-13-31T08:00Z", "is not a date and time"),
        ("0001-01-01T00:00+14:00", "Use a year from 1000 to 9000"),
        ("yesterday", "is not a date and time"),
    ],
)
def test_a_time_is_read_as_everywhere(text: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("run", "list", "--since", text)
