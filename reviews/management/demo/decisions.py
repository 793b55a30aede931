"""What people decided on past applications, drawn by a seeded generator."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from flows.models import Flow
from flows.runtime.program import BoundStep, load_program, run_bindings
from reviews.management.demo.records import OLDER_VERSION, Decided, Past
from reviews.models import Case, Decision, DecisionKind, DecisionState, Queue, SlaPolicy
from reviews.models.quality import CheckKind, CheckState, QualityCheck
from reviews.models.states import CaseState
from reviews.services.opening import build_case
from reviews.services.stopwatch import set_instants
from workbench.accounts.models import User

Json = Any
# How much less often people agree with the older model.
WORSE = 0.1
# By person: how much more often than the model says they agree with it, and seconds a case.
HABITS = {"reviewer": (0.04, 150), "reviewer2": (-0.06, 95), "lead": (0.05, 210)}
CASE_OUTCOMES = {"approve": "approved", "decline": "rejected"}
CODES = ("income", "credit_history", "account", "collateral")
# One case in eight has a value that was misread.
MISREAD_SHARE = 0.12


def decide(
    flow: Flow, seen: Sequence[Past], people: Sequence[User], random: Random
) -> Iterator[Decided]:
    """Yield a decided case for each application that people saw."""
    bound = load_program(flow.released_id or 0).steps["review"]
    queue, policy = Queue.objects.get(name="underwriting"), SlaPolicy.objects.get(name="standard")
    for past in seen:
        case = _lay_out(flow, bound, past, queue, policy)
        person = random.choices(people, weights=(3, 5, 4)[: len(people)])[0]
        decision = make_decision(case, person, past, random)
        if past.port == "unsure":
            past.run.outcome = "approved" if decision.outcome == "approved" else "declined"
            yield Decided(past, case, decision)
        else:
            case.wait_id = None
            check = make_check(
                CheckKind.SAMPLE,
                f"demo:run:{past.run.pk}",
                case,
                decision,
                CASE_OUTCOMES[past.port],
            )
            yield Decided(past, case, decision, check)


def _lay_out(flow: Flow, bound: BoundStep, past: Past, queue: Queue, policy: SlaPolicy) -> Case:
    """Return the case as the flow's own checkpoint would open it."""
    run = past.run
    program = load_program(run.version_id)
    bindings = {
        "input": run.input,
        "run": run_bindings(run.pk, program, run.started_at, run.priority),
        "steps": past.outputs,
    }
    case = build_case(bound.config(bindings), queue)
    # No wait has this id: they count up from 1.
    case.wait_id = -run.pk
    case.run_id, case.flow, case.flow_version = run.pk, flow.name, program.number
    case.requested_by = run.started_by
    case.step, case.sla = bound.step.id, policy.snapshot()
    case.opened_at = case.running_since = past.at
    set_instants(case)
    return case


def make_decision(
    case: Case, person: User, past: Past, random: Random, *, second: bool = False
) -> Decision:
    """Return what the person decided, and close the case by it; ``second`` is a day later."""
    outcome = _draw_outcome(case, person, past, random)
    took = max(20, round(random.lognormvariate(0, 0.5) * HABITS[person.username][1]))
    at = case.opened_at + timedelta(minutes=random.uniform(4, 300), days=1 if second else 0)
    decision = Decision(
        case=case,
        kind=DecisionKind.PERSON,
        state=DecisionState.COMMITTED,
        outcome=outcome,
        reasons=[random.choice(CODES)] if outcome == "rejected" else [],
        overrides=_draw_corrections(case, random),
        decided_by=person,
        at=at,
        commit_at=at,
        committed_at=at,
        active_seconds=took,
    )
    _close(case, decision, person, at)
    return decision


def _draw_outcome(case: Case, person: User, past: Past, random: Random) -> str:
    suggestion = str(case.shown["suggestion"])
    worse = WORSE if past.version == OLDER_VERSION else 0.0
    if random.random() < (case.confidence or 0.5) + HABITS[person.username][0] - worse:
        return suggestion
    return "rejected" if suggestion == "approved" else "approved"


def _draw_corrections(case: Case, random: Random) -> list[dict[str, Json]]:
    if random.random() > MISREAD_SHARE:
        return []
    old = case.fields["net_income"]
    new = round(float(old) * random.uniform(0.7, 0.95), 2)
    return [{"field": "net_income", "old": old, "new": new, "reason": "The payslip says so"}]


def _close(case: Case, decision: Decision, person: User, at: datetime) -> None:
    case.state, case.outcome, case.closed_at = CaseState.DECIDED, decision.outcome, at
    case.claimed_by = case.familiar = person
    case.claimed_at, case.next_act_at, case.revision = at, None, 4


def make_check(
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
