"""Samples of automatic decisions and known answers: drawn by the clock, and never in the way."""

from datetime import datetime, timedelta

import pytest

from flows.engine import events
from flows.models import Flow, FlowVersion, Journal, Run, RunStatus
from reviews.models import Case, Queue
from reviews.models.quality import CheckKind, CheckState, QualityCheck, SampledRun, SamplingPolicy
from reviews.quality.errors import PolicyInvalid
from reviews.quality.services.known_answers import add_known_answer, retire_known_answer
from reviews.quality.services.policies import Sampling, save_sampling_policy, set_queue_policy
from reviews.quality.services.sampling import draw_samples
from reviews.quality.services.seeding import seed_known_answers
from reviews.selectors.cases import list_steps_so_far
from reviews.services.claims import claim_next
from reviews.services.decisions import decide_case
from tests.factories.cases import approve, make_case, make_review_version, reject
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=2)


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, cem=Role.REVIEWER, lea=Role.LEAD)


@pytest.fixture
def version() -> FlowVersion:
    made = make_review_version()
    Flow.objects.filter(pk=made.flow_id).update(released=made)
    return made


def sample(now: datetime, **more: object) -> SamplingPolicy:
    wanted = {"flow": "loan", "step": "review", "percent": 100, **more}
    return save_sampling_policy(wanted=Sampling(**wanted), acting=person("lea"), now=now)  # type: ignore[arg-type]


def ended(
    version: FlowVersion, now: datetime, outcome: str = "approved", port: str = "clear"
) -> Run:
    run = Run.objects.create(
        flow=version.flow, version=version, seq=2, status=RunStatus.COMPLETED, outcome=outcome,
        started_at=now, finished_at=now,
    )  # fmt: skip
    Journal.objects.create(
        run=run, seq=1, kind=events.STEP_FINISHED, step="settle", token_id=1, activation=1,
        port=port, at=now,
    )  # fmt: skip
    return run


# --- Samples ----------------------------------------------------------------------


def test_a_drawn_run_is_looked_at_afterwards_and_is_not_touched(
    version: FlowVersion, now: datetime
) -> None:
    sample(now, equivalents={"declined": "rejected"})
    run = ended(version, now, outcome="declined")
    draw_samples(now)
    check = QualityCheck.objects.select_related("case").get()
    assert (check.kind, check.expected, check.case.wait_id) == ("sample", "rejected", None)
    assert check.case.run_id == run.pk
    decide_case(
        case_id=check.case_id, answer=approve(), acting=person("ada"), now=now, commit_now=True
    )
    check.refresh_from_db()
    assert (check.agreed, check.outcome) == (False, "approved")
    before = (run.seq, run.status, run.outcome)
    run.refresh_from_db()
    assert (run.seq, run.status, run.outcome) == before


def test_a_second_clock_opens_nothing_more(version: FlowVersion, now: datetime) -> None:
    sample(now)
    ended(version, now)
    draw_samples(now)
    draw_samples(now + LATER)
    draw_samples(now + LATER)
    assert Case.objects.count() == 1
    assert SampledRun.objects.get().state == "opened"


def test_what_people_decided_or_failed_or_went_elsewhere_is_no_automatic_decision(
    version: FlowVersion, now: datetime
) -> None:
    sample(now, outcomes=["approved"], branch="settle.clear")
    by_person = make_case(now)
    Run.objects.filter(pk=by_person.run_id).update(status="completed", outcome="approved")
    ended(version, now, outcome="declined")
    ended(version, now, port="other")
    failed = ended(version, now)
    Run.objects.filter(pk=failed.pk).update(status="failed")
    draw_samples(now)
    assert not QualityCheck.objects.exists()
    reasons = set(SampledRun.objects.values_list("reason", flat=True))
    assert reasons == {
        "It came to people.", "Its outcome is declined.", "It did not go by settle.clear.",
        "The run failed.",
    }  # fmt: skip


def test_a_run_that_is_still_going_is_drawn_now_and_looked_at_when_it_ends(
    version: FlowVersion, now: datetime
) -> None:
    sample(now)
    run = ended(version, now)
    Run.objects.filter(pk=run.pk).update(status="running")
    draw_samples(now + LATER)
    assert SampledRun.objects.get().state == "waiting"
    Run.objects.filter(pk=run.pk).update(status="completed")
    draw_samples(now + LATER)
    assert QualityCheck.objects.count() == 1


def test_runs_before_the_policy_are_not_drawn(version: FlowVersion, now: datetime) -> None:
    ended(version, now)
    sample(now)
    draw_samples(now)
    assert not SampledRun.objects.exists()


def test_a_sample_shows_nothing_of_what_the_run_did_after_the_checkpoint_s_place(
    version: FlowVersion, now: datetime
) -> None:
    sample(now)
    ended(version, now)
    draw_samples(now)
    shown = list_steps_so_far(Case.objects.get())
    assert [(step.step, step.state) for step in shown] == [("review", "waiting_for_person")]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"percent": 101}, "0 to 100"),
        ({"flow": "none"}, "no released flow"),
        ({"step": "settle"}, "no checkpoint of loan: use review"),
        ({"branch": "nowhere.x"}, "names no step"),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(
    version: FlowVersion, now: datetime, wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(PolicyInvalid, match=says):
        sample(now, **wrong)


# --- Known answers ----------------------------------------------------------------


def known_answer(now: datetime, percent: float = 100) -> Case:
    case = make_case(now)
    decide_case(case_id=case.pk, answer=approve(), acting=person("ada"), now=now, commit_now=True)
    case.refresh_from_db()
    set_queue_policy(
        queue=Queue.objects.get(), second_percent=0, known_percent=percent, independent_percent=0,
        acting=person("lea"), now=now,
    )  # fmt: skip
    add_known_answer(case=case, outcome="approved", note="", acting=person("lea"), now=now)
    return case


def test_a_known_answer_is_mixed_in_beside_a_new_case_once(now: datetime) -> None:
    source = known_answer(now)
    make_case(now)
    for _ in range(2):
        seed_known_answers(now)
        seed_known_answers(now + LATER)
    check = QualityCheck.objects.select_related("case").get()
    assert (check.kind, check.original, check.expected) == ("known", source, "approved")
    assert check.case.title == source.title


def test_no_copy_is_made_while_the_only_answer_waits_in_the_queue(now: datetime) -> None:
    known_answer(now)
    for _ in range(3):
        make_case(now)
    seed_known_answers(now)
    assert QualityCheck.objects.count() == 1


def test_who_made_or_had_the_answer_is_not_given_it(now: datetime) -> None:
    known_answer(now)
    other = make_case(now)
    seed_known_answers(now)
    check = QualityCheck.objects.get()
    queue = Queue.objects.get()
    # ada decided the source: she is given the real case, and then nothing.
    assert claim_next(queue=queue, acting=person("ada"), now=now) == other
    assert claim_next(queue=queue, acting=person("ada"), now=now) is None
    decide_case(
        case_id=check.case_id, answer=reject(), acting=person("ben"), now=now, commit_now=True
    )
    check.refresh_from_db()
    assert (check.state, check.agreed) == (CheckState.SETTLED, False)
    make_case(now)
    seed_known_answers(now + LATER)
    again = QualityCheck.objects.exclude(pk=check.pk).get()
    given = claim_next(queue=queue, acting=person("ben"), now=now)
    assert given is not None
    assert given.pk != again.case_id
    assert claim_next(queue=queue, acting=person("cem"), now=now) == again.case


def test_a_retired_answer_is_mixed_in_no_more_and_its_open_checks_count_for_nothing(
    now: datetime,
) -> None:
    source = known_answer(now)
    make_case(now)
    seed_known_answers(now)
    retire_known_answer(answer=source.known_answer, acting=person("lea"), now=now)
    assert QualityCheck.objects.get().state == CheckState.DROPPED
    make_case(now)
    seed_known_answers(now + LATER)
    assert QualityCheck.objects.filter(kind=CheckKind.KNOWN).count() == 1
