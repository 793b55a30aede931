"""The demo on the real engine: it loads once; its runs end, or wait for people."""

from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from flows.models import Artifact, Flow, Run, Wait
from flows.selectors import get_step_outputs
from reviews.models import Case, Decision, Part, Queue, SlaPolicy
from reviews.quality.figures import Filter
from reviews.quality.selectors.figures import get_figures
from reviews.rules.answers import Answer
from reviews.selectors.acting import make_acting
from reviews.selectors.parties import describe_parties, list_parties
from reviews.services.decisions import decide_case
from reviews.services.receipts import compute_digest
from workbench.accounts.models import Role, RoleGrant, User
from workbench.audit.services import verify

RUNS = 12


def load(settings: Any, tmp_path: Any, runs: int = RUNS) -> str:
    settings.VAR_DIR = tmp_path
    said = StringIO()
    call_command("load_demo", runs=runs, stdout=said)
    return said.getvalue()


@pytest.mark.django_db
def test_the_demo_loads_once_and_a_second_time_changes_nothing(
    settings: Any, tmp_path: Any
) -> None:
    load(settings, tmp_path)
    accounts = (tmp_path / "demo-accounts.txt").read_text()
    before = User.objects.get(username="lead").password
    load(settings, tmp_path)
    assert (tmp_path / "demo-accounts.txt").read_text() == accounts
    assert User.objects.get(username="lead").password == before
    assert {grant.role for grant in RoleGrant.objects.all()} == set(Role.values)
    assert (Run.objects.count(), Queue.objects.count(), SlaPolicy.objects.count()) == (RUNS, 5, 1)
    assert Flow.objects.get(name="consumer-loan").released is not None
    assert verify().ok


@pytest.mark.django_db
def test_the_printed_password_signs_in_and_only_its_owner_reads_the_file(
    settings: Any, tmp_path: Any, client: Any
) -> None:
    load(settings, tmp_path, runs=1)
    path = tmp_path / "demo-accounts.txt"
    password = path.read_text().splitlines()[0].split()[-1]
    assert path.stat().st_mode & 0o077 == 0
    assert client.login(username="reviewer2", password=password)


@pytest.mark.django_db
def test_a_person_who_is_not_of_the_demo_keeps_their_name(settings: Any, tmp_path: Any) -> None:
    User.objects.create_user("admin", email="admin@elsewhere.example", password="own and long")
    with pytest.raises(CommandError, match="already a person named admin"):
        load(settings, tmp_path)
    assert User.objects.count() == 1
    assert not (tmp_path / "demo-accounts.txt").exists()


@pytest.mark.django_db(transaction=True)
def test_every_demo_run_ends_or_waits_for_an_underwriter(settings: Any, tmp_path: Any) -> None:
    from tests.driving import driving
    from tests.waiting import until

    load(settings, tmp_path)
    with driving():
        until(lambda: settled() == RUNS, "all runs to end or wait")
    assert Run.objects.filter(status="failed").count() == 0
    waiting = Run.objects.filter(status="running")
    assert 0 < waiting.count() < RUNS
    assert Case.objects.count() == Wait.objects.filter(kind="case", state="open").count()
    for run in Run.objects.filter(status="completed"):
        output = run.output or {}
        assert (output["decided_by"], output["decision"]) == ("policy", run.outcome)
    assert len(mail.outbox) == RUNS - waiting.count()
    assert_case_shows_what_was_found(Case.objects.order_by("pk").first())


def settled() -> int:
    ended = Run.objects.filter(status__in=["completed", "failed"]).count()
    return ended + Wait.objects.filter(kind="case", state="open").count()


def assert_case_shows_what_was_found(case: Case | None) -> None:
    assert case is not None
    outputs = get_step_outputs(case.run_id)
    documents = case.shown["documents"]
    assert [each["id"] for each in documents] == ["payslip", "application"]
    digests = {each["artifact"]["artifact"] for each in documents}
    assert Artifact.objects.filter(digest__in=digests).count() == 2
    assert case.shown["reasons"]
    assert case.confidence is not None
    score = outputs["score"]
    assert float(case.confidence) == pytest.approx(score["confidence"], abs=1e-3)
    assert {box["key"] for each in documents for box in each["boxes"]} >= {"amount", "net_income"}
    assert set(case.fields) >= {"amount", "duration_months", "net_income", "employer"}


@pytest.mark.django_db(transaction=True)
def test_a_corrected_application_goes_round_and_all_decided_runs_end(
    settings: Any, tmp_path: Any
) -> None:
    from tests.driving import driving, ended
    from tests.waiting import until

    load(settings, tmp_path, runs=4)
    with driving():
        until(lambda: settled() == 4, "all runs to end or wait")
        first = Case.objects.order_by("pk").first()
        assert first is not None
        returned = Answer(
            "rework", reasons=("corrected",), comment="The amount was misread.",
            fields={"amount": 777}, why={"amount": "misread"})  # fmt: skip
        decide(first, returned)
        run = Run.objects.get(pk=first.run_id)
        until(lambda: run_settled_again(run, first), "the run to come round")
        assert get_step_outputs(run.pk)["prepare"]["application"]["amount"] == 777
        while case := Case.objects.filter(state="open").first():
            decide(case, Answer("rejected", reasons=("income",), grounds={"income": "income"}))
        runs = [ended(each) for each in Run.objects.all()]
    assert {each.status for each in runs} == {"completed"}
    assert all(each.outcome in {"approved", "declined"} for each in runs)


def decide(case: Case, answer: Answer) -> None:
    reviewer = User.objects.get(username="reviewer")
    decide_case(
        case_id=case.pk,
        answer=answer,
        acting=make_acting(reviewer),
        now=timezone.now(),
        commit_now=True,
    )


def run_settled_again(run: Run, first: Case) -> bool:
    run.refresh_from_db()
    again = Case.objects.filter(run_id=run.pk, pk__gt=first.pk).exists()
    return again or run.finished_at is not None


@pytest.mark.django_db
def test_the_history_fills_the_figures_once_and_leaves_the_ledger_valid(
    settings: Any, tmp_path: Any
) -> None:
    settings.VAR_DIR = tmp_path
    for _ in range(2):
        call_command("load_demo", runs=0, history=60, stdout=StringIO())
    found = get_figures(User.objects.get(username="lead"), Filter(), people=True)
    assert found.decisions == Decision.objects.count() > 20
    assert found.calibration.count
    assert len(found.versions) == 2
    assert found.checks.second.count
    assert found.checks.sample.count
    assert found.checks.known_agreement
    decision = Decision.objects.order_by("pk").last()
    assert decision is not None
    assert decision.digest == compute_digest(decision.receipt)
    assert verify().ok


@pytest.mark.django_db
def test_the_history_has_the_parties_that_real_cases_have_also_in_the_receipts(
    settings: Any, tmp_path: Any
) -> None:
    settings.VAR_DIR = tmp_path
    call_command("load_demo", runs=0, history=60, stdout=StringIO())
    operator = User.objects.get(username="operator")
    corrected = 0
    for decision in Decision.objects.select_related("case", "decided_by"):
        case, by = decision.case, decision.decided_by
        assert by is not None
        run = Run.objects.get(pk=case.run_id)
        assert (run.requested_by, run.started_by) == ([operator.pk], operator.label)
        assert case.requested_by == operator.label
        assert decision.committed_at is not None
        wanted = [(operator, Part.REQUESTED, f"Asked for run {run.pk}", run.started_at)]
        if decision.overrides:
            corrected += 1
            wanted.append((by, Part.EDITED, f"Decision {decision.pk}", decision.committed_at))
        parties = list_parties(case)
        assert [(each.user, each.part, each.how, each.at) for each in parties] == wanted
        assert all(each.proved for each in parties)
        assert decision.receipt["parties"] == describe_parties(case)
        assert decision.digest == compute_digest(decision.receipt)
    assert corrected
    call_command("audit", "verify", stdout=StringIO())  # It exits with 1 over a fault.
