"""Decided history for the demo: what twelve weeks of underwriting would have left behind.

Applications are scored, checked and laid out by the flow's own functions and its own checkpoint, so
a case of the history reads as one of today. What people concluded is drawn by a seeded generator.
All of it goes into the tables in few statements: through the engine it would take minutes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction

from examples.consumer_loan import rules, scorecard, steps
from examples.consumer_loan.generate import applications
from flows.engine import events
from flows.models import Flow, Journal, Run, RunStatus
from flows.runtime.program import BoundStep, load_program, run_bindings
from reviews.models import Case, Decision, DecisionKind, DecisionState, Queue, SlaPolicy
from reviews.models.quality import (
    CheckKind,
    CheckState,
    DecisionFact,
    KnownAnswer,
    QualityCheck,
    QueuePolicy,
    SamplingPolicy,
)
from reviews.models.states import CaseState
from reviews.services.facts import fact_of
from reviews.services.opening import unsaved_case
from reviews.services.receipts import digest_of, make_receipt
from reviews.services.stopwatch import set_instants
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import Act, record_many

Json = Any
TRIGGER = "demo-history"
WEEKS, SEED, BATCH = 12, 71, 200
# An older model was replaced by today's; it was less sure, and more often wrong.
REPLACED = timedelta(weeks=5)
OLDER, LESS_SURE, WORSE = "2025.2", 0.02, 0.1
SAMPLED_SHARE, SECOND_SHARE, KNOWN = 0.12, 0.2, 9
# By person: how much more often than the model says they agree with it, and seconds a case.
REVIEWERS = {"reviewer": (0.04, 150), "reviewer2": (-0.06, 95), "lead": (0.05, 210)}
OUTCOMES = {"approve": "approved", "decline": "declined"}
CASE_OUTCOMES = {"approve": "approved", "decline": "rejected"}
CODES = ("income", "credit_history", "account", "collateral")
STEPS = ("receive", "prepare", "intake", "score", "affordability", "fraud", "checked", "route")


@dataclass(slots=True)
class Past:
    """One application as it went; ``port`` is the branch it took."""

    run: Run
    outputs: dict[str, dict[str, Json]]
    port: str
    at: datetime
    version: str


@dataclass(slots=True)
class Decided:
    """A case with its decision, and the check it is, if it is one."""

    past: Past
    case: Case
    decision: Decision
    check: QualityCheck | None = None


def load_history(*, flow: Flow, count: int, now: datetime, actor: Actor) -> int:
    """Write ``count`` past applications; return how many decisions people made. A second is 0."""
    if not count or Run.objects.filter(flow=flow, trigger=TRIGGER).exists():
        return 0
    random = Random(SEED)  # noqa: S311 - reproducible, and nothing secret
    people = list(User.objects.filter(username__in=REVIEWERS).order_by("username"))
    with transaction.atomic():
        past = list(_past(flow, count, now, random))
        _keep_runs(past)
        seen = [each for each in past if each.port == "unsure" or random.random() < SAMPLED_SHARE]
        decided = list(_decide(flow, seen, people, random))
        _keep(decided)
        repeats = list(_repeat(decided, people, random))
        _keep(repeats)
        _keep_ledger([*decided, *repeats], actor, now)
        _keep_policies(flow, now)
    return len(decided) + len(repeats)


# --- What the machine did -----------------------------------------------------------


def _past(flow: Flow, count: int, now: datetime, random: Random) -> Iterator[Past]:
    for number, application in enumerate(applications(count, SEED)):
        age = timedelta(weeks=WEEKS * (1 - number / count), hours=1 + random.random())
        outputs, port = _machine(application, older=age > REPLACED)
        at = now - age
        run = Run(
            flow=flow,
            version_id=flow.released_id or 0,
            status=RunStatus.COMPLETED,
            input=dict(application),
            outcome=OUTCOMES.get(port, ""),
            trigger=TRIGGER,
            started_by="demo",
            started_at=at,
            finished_at=at + timedelta(seconds=2),
        )
        version = OLDER if age > REPLACED else scorecard.load().version
        yield Past(run, outputs, port, at, version)


def _machine(
    application: Mapping[str, Json], *, older: bool
) -> tuple[dict[str, dict[str, Json]], str]:
    """Return the outputs by step, as the flow's own functions give them, and the branch."""
    prepared: Any = steps.prepare(dict(application), [])["application"]
    prediction, confidence, reasons = scorecard.load().predict(prepared)
    intake: dict[str, Any] = {
        "documents": [],
        "net_income": float(prepared.get("net_income") or 2400),
        "net_income_confidence": 0.93,
        "employer": str(prepared.get("employer") or "Employer not stated"),
        "employer_confidence": 0.9,
    }
    afford = steps.affordability(prepared)
    fraud = steps.fraud(prepared, intake["net_income"], intake["employer"])
    shown = [
        {"label": each.label, "value": each.text or each.value, "contribution": each.contribution}
        for each in reasons
    ]
    sure = max(0.5, confidence - LESS_SURE) if older else confidence
    score = {"prediction": dict(prediction), "confidence": sure, "reasons": shown}
    made: dict[str, Json] = {
        "prepare": {"application": prepared}, "intake": intake, "score": score,
        "affordability": dict(afford), "fraud": dict(fraud),
    }  # fmt: skip
    outputs = {name: {"output": output, "port": "done"} for name, output in made.items()}
    return outputs, _branch(prediction["probability_good"], [*afford["flags"], *fraud["flags"]])


def _branch(good: float, flags: Sequence[rules.Flag]) -> str:
    """Return the port as the flow's cutoffs have it."""
    if good >= 0.87 and not flags:  # noqa: PLR2004
        return "approve"
    critical = any(flag["level"] == "critical" for flag in flags)
    return "decline" if good < 0.7 and not critical else "unsure"  # noqa: PLR2004


def _keep_runs(past: Sequence[Past]) -> None:
    Run.objects.bulk_create([each.run for each in past], batch_size=BATCH)
    journal = [row for each in past for row in _journal(each)]
    Journal.objects.bulk_create(journal, batch_size=BATCH)


def _journal(past: Past) -> Iterator[Journal]:
    """Yield what the run's page tells: the steps with their outputs, and the end."""
    run = past.run
    yield Journal(run=run, seq=1, kind=events.RUN_STARTED, data=run.input, at=past.at)
    for number, step in enumerate(STEPS, 1):
        at = past.at + timedelta(milliseconds=120 * number)
        output = past.outputs.get(step, {}).get("output")
        asked = {"model": "scorecard", "version": past.version} if step == "score" else None
        yield Journal(
            run=run, seq=number + 1, kind=events.STEP_FINISHED, step=step, token_id=run.pk,
            activation=number, attempt=1, port=past.port if step == "route" else "done",
            data=output, provenance=asked, began_at=at, at=at + timedelta(milliseconds=90),
        )  # fmt: skip
    ended = {"outcome": run.outcome, "output": None}
    run.seq = len(STEPS) + 2
    at = past.at + timedelta(seconds=2)
    yield Journal(run=run, seq=run.seq, kind=events.RUN_COMPLETED, data=ended, at=at)


# --- What people concluded ----------------------------------------------------------


def _decide(
    flow: Flow, seen: Sequence[Past], people: Sequence[User], random: Random
) -> Iterator[Decided]:
    bound = load_program(flow.released_id or 0).steps["review"]
    queue, policy = Queue.objects.get(name="underwriting"), SlaPolicy.objects.get(name="standard")
    for past in seen:
        case = _case(flow, bound, past, queue, policy)
        person = random.choices(people, weights=(3, 5, 4)[: len(people)])[0]
        decision = _decision(case, person, past, random)
        if past.port == "unsure":
            past.run.outcome = "approved" if decision.outcome == "approved" else "declined"
            yield Decided(past, case, decision)
        else:
            case.wait_id = None
            source = f"demo:run:{past.run.pk}"
            expected = CASE_OUTCOMES[past.port]
            yield Decided(
                past, case, decision, _check(CheckKind.SAMPLE, source, case, decision, expected)
            )


def _case(flow: Flow, bound: BoundStep, past: Past, queue: Queue, policy: SlaPolicy) -> Case:
    """Lay the case out by the flow's own checkpoint."""
    run = past.run
    program = load_program(run.version_id)
    bindings = {
        "input": run.input,
        "run": run_bindings(run.pk, program, run.started_at),
        "steps": past.outputs,
    }
    case = unsaved_case(bound.config(bindings), queue)
    # No wait has this id: they count up from 1.
    case.wait_id = -run.pk
    case.run_id, case.flow, case.flow_version = run.pk, flow.name, program.number
    case.step, case.sla = bound.step.id, policy.snapshot()
    case.opened_at = case.running_since = past.at
    set_instants(case)
    return case


def _decision(
    case: Case, person: User, past: Past, random: Random, *, second: bool = False
) -> Decision:
    better, seconds = REVIEWERS[person.username]
    suggestion = case.shown["suggestion"]
    worse = WORSE if past.version == OLDER else 0.0
    follows = random.random() < (case.confidence or 0.5) + better - worse
    other = "rejected" if suggestion == "approved" else "approved"
    outcome = suggestion if follows else other
    took = max(20, round(random.lognormvariate(0, 0.5) * seconds))
    at = case.opened_at + timedelta(minutes=random.uniform(4, 300), days=1 if second else 0)
    decision = Decision(
        case=case,
        kind=DecisionKind.PERSON,
        state=DecisionState.COMMITTED,
        outcome=outcome,
        reasons=[random.choice(CODES)] if outcome == "rejected" else [],
        overrides=_corrections(case, random),
        decided_by=person,
        at=at,
        commit_at=at,
        committed_at=at,
        active_seconds=took,
    )
    _close(case, decision, person, at)
    return decision


def _corrections(case: Case, random: Random) -> list[dict[str, Json]]:
    if random.random() > 0.12:  # noqa: PLR2004 - one case in eight has a value misread
        return []
    old = case.fields["net_income"]
    new = round(float(old) * random.uniform(0.7, 0.95), 2)
    return [{"field": "net_income", "old": old, "new": new, "reason": "The payslip says so"}]


def _close(case: Case, decision: Decision, person: User, at: datetime) -> None:
    case.state, case.outcome, case.closed_at = CaseState.DECIDED, decision.outcome, at
    case.claimed_by = case.familiar = person
    case.claimed_at, case.next_act_at, case.revision = at, None, 4


def _check(
    kind: CheckKind, source: str, case: Case, decision: Decision, expected: str, **more: Any
) -> QualityCheck:
    return QualityCheck(
        case=case,
        kind=kind,
        source=source,
        state=CheckState.SETTLED,
        expected=expected,
        outcome=decision.outcome,
        agreed=decision.outcome == expected,
        decided_by=decision.decided_by,
        opened_at=case.opened_at,
        settled_at=decision.at,
        **more,
    )


def _repeat(
    decided: Sequence[Decided], people: Sequence[User], random: Random
) -> Iterator[Decided]:
    """Yield blind second reviews, and known answers that everyone has had."""
    by_person = [each for each in decided if each.check is None]
    for first in by_person:
        if random.random() < SECOND_SHARE:
            others = [person for person in people if person != first.decision.decided_by]
            yield _again(first, random.choice(others), random, CheckKind.SECOND)
    for first in by_person[:: max(1, len(by_person) // KNOWN)][:KNOWN]:
        author = next(p for p in people if p.username == "lead")
        known = KnownAnswer.objects.create(
            queue=first.case.queue,
            case=first.case,
            outcome=first.decision.outcome,
            note="Agreed on by the team",
            created_by=author,
            created_at=first.decision.at,
        )
        for person in people:
            if person != first.decision.decided_by:
                yield _again(first, person, random, CheckKind.KNOWN, known)


def _again(
    first: Decided, person: User, random: Random, kind: CheckKind, known: KnownAnswer | None = None
) -> Decided:
    source = f"demo:case:{first.case.pk}:{person.pk}"
    case = Case(
        **{name: getattr(first.case, name) for name in REPEATED},
        wait_id=None,
        opened_at=first.decision.at + timedelta(hours=1),
    )
    decision = _decision(case, person, first.past, random, second=True)
    if random.random() < 0.4:  # noqa: PLR2004 - people agree more than two models of them would
        decision.outcome = case.outcome = first.decision.outcome
        decision.reasons = first.decision.reasons
    check = _check(
        kind, source, case, decision, first.decision.outcome, original=first.case, known=known,
        expected_by=None if known else first.decision.decided_by,
    )  # fmt: skip
    return Decided(first.past, case, decision, check)


REPEATED = (
    "queue", "run_id", "flow", "flow_version", "step", "title", "summary", "subject", "priority",
    "value", "product", "rank", "confidence", "requested_by", "shown", "rules", "fields", "sla",
)  # fmt: skip


# --- Into the tables ----------------------------------------------------------------


def _keep(decided: Sequence[Decided]) -> None:
    Case.objects.bulk_create([each.case for each in decided], batch_size=BATCH)
    Decision.objects.bulk_create([each.decision for each in decided], batch_size=BATCH)
    checks = [each.check for each in decided if each.check]
    QualityCheck.objects.bulk_create(checks, batch_size=BATCH)
    for each in decided:
        _seal(each)
    decisions = [each.decision for each in decided]
    Decision.objects.bulk_update(decisions, ["receipt", "digest"], batch_size=BATCH)
    DecisionFact.objects.bulk_create([_fact(each) for each in decided], batch_size=BATCH)
    Run.objects.bulk_update([each.past.run for each in decided], ["outcome"], batch_size=BATCH)


def _seal(each: Decided) -> None:
    decision = each.decision
    each.case.fields |= {one["field"]: one["new"] for one in decision.overrides}
    decision.receipt = make_receipt(
        each.case,
        decision,
        checks={},
        models=[{"step": "score", "model": "scorecard", "version": each.past.version}],
        now=decision.at,
    )
    decision.digest = digest_of(decision.receipt)


def _fact(each: Decided) -> DecisionFact:
    kind = each.check.kind if each.check else ""
    return fact_of(each.case, each.decision, check_kind=kind)


def _keep_ledger(decided: Sequence[Decided], actor: Actor, now: datetime) -> None:
    acts = [
        Act(
            "case.decided",
            ("case", str(each.case.pk)),
            actor,
            {"case": each.case.pk, "run": each.case.run_id, "decision": each.decision.pk,
             "outcome": each.decision.outcome, "kind": "person", "digest": each.decision.digest},
        )
        for each in decided
    ]  # fmt: skip
    record_many(acts, now=now)


def _keep_policies(flow: Flow, now: datetime) -> None:
    QueuePolicy.objects.get_or_create(
        queue=Queue.objects.get(name="underwriting"),
        defaults={"second_percent": 10, "known_percent": 2, "changed_by": "Demo lead",
                  "changed_at": now, "seeded_to": Case.objects.order_by("-pk")[0].pk},
    )  # fmt: skip
    SamplingPolicy.objects.get_or_create(
        flow=flow.name,
        defaults={"step": "review", "percent": 10, "outcomes": ["approved", "declined"],
                  "equivalents": {"declined": "rejected"}, "created_by": "Demo lead",
                  "created_at": now, "looked_to": Run.objects.order_by("-pk")[0].pk},
    )  # fmt: skip
