"""Whatever five people do: nobody approves what they asked for, or alone what they edited.

The machine calls the services that page, API, links and bulk call. What it believes of who asked
and who edited it keeps by itself, from what people truly did, and never reads from the parties.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from flows.engine.errors import EngineError
from flows.models import Flow, FlowVersion, Run, Token, Wait
from flows.services import ServiceError, rerun, retry_run, start_run
from flows.steps.base import StepContext
from reviews.checkpoint.step import ReviewCase
from reviews.errors import ReviewError
from reviews.links.services import decide_by_link, reply_by_link
from reviews.models import Case, CaseLink, Decision, InformationRequest, Reviewer
from reviews.models.quality import CheckKind, QualityCheck
from reviews.models.states import ACTIVE, CaseState
from reviews.rules.answers import Answer
from reviews.selectors.acting import Acting, make_acting
from reviews.services.bulk import decide_in_bulk
from reviews.services.checks import open_check
from reviews.services.claims import claim_case, claim_next
from reviews.services.committing import commit_due_decisions, expire_case
from reviews.services.conversation import escalate_case, reply, request_information
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.links import make_decision_link
from reviews.services.passing import assign_case, delegate_case, hand_over
from reviews.services.reopening import reopen_case
from tests.factories.cases import SHOWN
from tests.factories.people import make_person
from tests.factories.queues import make_policy, make_queue
from workbench.accounts.models import ApiToken, Role, User

START = datetime(2026, 11, 4, 10, tzinfo=UTC)
NAMES = ("ada", "ben", "cyd", "dan", "eva")
OUTSIDER = "outsider"
REFUSALS = (ReviewError, ServiceError, EngineError)
DOCUMENT: dict[str, Any] = {
    "schema": "countersign/flow@1",
    "name": "loan",
    "title": "Loan",
    "steps": {
        "review": {
            "type": "review.case",
            "with": {"queue": "underwriting", "sla": "standard", "title": "Loan"},
        },
        "settle": {"type": "end", "with": {"outcome": "settled"}},
    },
    "edges": [
        "review.approved -> settle",
        "review.rejected -> settle",
        "review.expired -> settle",
        "review.rework -> review",
    ],
}

# Mostly the newest, so that acts on one case follow one another.
NEWEST = [0, 0, 0, 0, 0, 0, 1, 2]
ROLES = [
    (Role.REVIEWER,),
    (Role.REVIEWER,),
    (Role.REVIEWER, Role.LEAD),
    (Role.LEAD,),
    (Role.REVIEWER, Role.OPERATOR),
    (),
]
OUTCOMES = ["approved", "approved", "approved", "rejected", "rework"]
INCOMES = [None, None, 5, 6, 7]
EITHER = [True, False]

ACTS: list[tuple[int, str, dict[str, Sequence[Any]]]] = []


def act(weight: int, **choices: Sequence[Any]) -> Callable[[Any], Any]:
    """Enter a method among the acts, with the weight of its chance and what it chooses from."""

    def enter(method: Any) -> Any:
        ACTS.append((weight, method.__name__, choices))
        return method

    return enter


@dataclass
class Matter:
    """What people truly did about one matter: all runs that repeat one another.

    ``edits`` are the times and people of edits, ``rules`` the checkpoint's.
    """

    rules: dict[str, Any]
    asked: dict[int, set[str]] = field(default_factory=dict)
    edits: list[tuple[datetime, str, int]] = field(default_factory=list)


class FivePeople(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.now = START
        self.matters: dict[int, Matter] = {}  # by run
        self.story: list[str] = []
        make_policy()
        self.queue = make_queue(authority=[{"up_to": 5000, "level": 1}, {"level": 2}])
        flow = Flow.objects.create(name="loan", title="Loan", created_at=START, updated_at=START)
        version = FlowVersion.objects.create(
            flow=flow, number=1, document=DOCUMENT, digest="test", published_at=START
        )
        flow.released = version
        flow.save()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    @initialize(seed=st.integers(0, 2**63))
    def furnish(self, seed: int) -> None:
        luck = self.luck = Random(seed)
        superuser = luck.choice([*NAMES, None, None, None])
        for name in NAMES:
            make_person(name, *luck.choice(ROLES), is_superuser=name == superuser)
            Reviewer.objects.create(user=self.user(name), level=luck.randint(1, 3))
        self.go_on()

    @rule()
    def go_on(self) -> None:
        """Do one of the acts, as luck has it: each as often as its weight says."""
        if not self.matters:
            name, choices = "start", next(each for _, name, each in ACTS if name == "start")
        else:
            [(_, name, choices)] = self.luck.choices(ACTS, [weight for weight, _, _ in ACTS])
        given = {key: self.luck.choice(values) for key, values in choices.items()}
        self.story.append(f"{name}({', '.join(f'{k}={v!r}' for k, v in given.items())})")
        getattr(self, name)(**given)

    # --- Runs ---------------------------------------------------------------------------

    @act(
        3,
        who=NAMES,
        four_eyes=[True, True, False],
        quorum=[1, 2],
        value=[100, 100, 9000],
        named=["", "ada", "nobody", "eva"],
    )
    def start(self, who: str, four_eyes: bool, quorum: int, value: float, named: str) -> None:
        rules = {
            "four_eyes": four_eyes, "quorum": quorum, "value": value, "requested_by": named,
        }  # fmt: skip
        matter = Matter(rules)

        def begin() -> None:
            flow = Flow.objects.get(name="loan")
            run = start_run(flow=flow, input={"n": 1}, actor=self.acting(who).actor, now=self.now)
            self.matters[run.run.pk] = matter
            matter.asked[run.run.pk] = {who}

        self.attempt(begin)

    @act(4, who=NAMES, index=NEWEST, changed=EITHER)
    def rerun(self, who: str, index: int, changed: bool) -> None:
        old = self.pick(Run.objects.order_by("-pk"), index)

        def again() -> None:
            given = {"n": old.pk + 10} if changed else None
            actor = self.acting(who, "api").actor
            with suppress(ServiceError), transaction.atomic():
                retry_run(run_id=old.pk, actor=actor, now=self.now)
            new = rerun(run_id=old.pk, step=None, input=given, actor=actor, now=self.now).run
            self.follow(old.pk, new.pk, {who} if changed else set())

        self.attempt(again)
        self.tempt()

    @act(5, who=NAMES, index=NEWEST)
    def reopen(self, who: str, index: int) -> None:
        closed = Case.objects.filter(state__in=["decided", "expired"])
        case = self.pick(closed.order_by("-pk"), index)
        if case is None:
            return

        def anew() -> None:
            run = reopen_case(
                case_id=case.pk, reason="Wrong", acting=self.acting(who), now=self.now
            )
            if run.pk not in self.matters:
                self.follow(case.run_id, run.pk, {who})

        self.attempt(anew)
        self.tempt()

    @act(2, index=NEWEST)
    def check_anew(self, index: int) -> None:
        """Open a blind second review of a decided case."""
        closed = Case.objects.filter(state=CaseState.DECIDED, wait_id__isnull=False)
        case = self.pick(closed.select_related("queue").order_by("-pk"), index)
        if case is None or QualityCheck.objects.filter(original=case).exists():
            return
        by = case.decisions.filter(final=True, state="committed").get().decided_by
        self.attempt(
            lambda: open_check(
                CheckKind.SECOND, source=f"case:{case.pk}", original=case, expected=case.outcome,
                expected_by=by, now=self.now,
            )
        )  # fmt: skip

    # --- Passing it on ------------------------------------------------------------------

    @act(1, who=NAMES)
    def take_next(self, who: str) -> None:
        self.attempt(lambda: claim_next(queue=self.queue, acting=self.acting(who), now=self.now))

    @act(4, who=NAMES, to=NAMES, index=NEWEST, act=["delegate", "assign", "cover"])
    def pass_on(self, who: str, to: str, index: int, act: str) -> None:
        case, receiver = self.active(index), self.user(to)
        if case is None:
            return
        acting = self.acting(who)
        self.attempt(lambda: claim_case(case_id=case.pk, acting=acting, now=self.now))
        given: Any = {"case_id": case.pk, "now": self.now}
        acts: dict[str, Callable[[], object]] = {
            "delegate": lambda: delegate_case(to=receiver, acting=self.acting(who), **given),
            "assign": lambda: assign_case(to=receiver, acting=self.acting(who), **given),
            "cover": lambda: hand_over(person=self.user(who), cover=receiver, **given),
        }
        self.attempt(acts[act])

    @act(2, who=NAMES, index=NEWEST, expires=EITHER)
    def escalate(self, who: str, index: int, expires: bool) -> None:
        case = self.active(index)
        if case is None or case.state == CaseState.COMMITTING:
            return
        acting = self.acting(who)

        def escalate() -> None:
            claim_case(case_id=case.pk, acting=acting, now=self.now)
            escalate_case(case_id=case.pk, comment="Big", acting=acting, now=self.now)

        self.attempt((lambda: expire_case(case, self.now)) if expires else escalate)

    # --- Asking -------------------------------------------------------------------------

    @act(8, who=NAMES, index=NEWEST, opens=[True, True, True, False])
    def ask(self, who: str, index: int, opens: bool) -> None:
        case = self.active(index)
        if case is None:
            return

        def question() -> None:
            claim_case(case_id=case.pk, acting=self.acting(who), now=self.now)
            request_information(
                case_id=case.pk, question="Which?", acting=self.acting(who), now=self.now,
                fields=["income"] if opens else [],
            )  # fmt: skip

        self.attempt(question)

    @act(8, who=NAMES, channel=["page", "api"], income=[1, 2, 3, 4])
    def answer(self, who: str, channel: str, income: int) -> None:
        asked = self.open_question() or self.ask_newest()
        if asked is None:
            return

        def answer() -> None:
            case = reply(
                case_id=asked.case_id, answer="This", changes={"income": income},
                actor=self.acting(who, channel).actor, now=self.now,
            )  # fmt: skip
            self.note_edit(case, who, asked)

        self.attempt(answer)
        self.tempt()

    @act(8, by_asker=EITHER, signed_in=EITHER, income=[1, 2, 3, 4], name=[*NAMES, "A customer", ""])
    def answer_by_link(self, by_asker: bool, signed_in: bool, income: int, name: str) -> None:
        """Only who asked is shown the link, and whoever they send it to."""
        asked = self.open_question() or self.ask_newest()
        if asked is None:
            return
        truly = asked.asked_by.username if by_asker else OUTSIDER
        link = CaseLink.objects.get(asked=asked)
        person = asked.asked_by if by_asker and signed_in else None

        def answer() -> None:
            case = reply_by_link(
                link=link, answer="This", name=name, changes={"income": income}, now=self.now,
                person=person,
            )  # fmt: skip
            self.note_edit(case, truly, asked)

        self.attempt(answer)
        self.tempt()

    # --- Deciding -----------------------------------------------------------------------

    @act(12, who=NAMES, index=NEWEST, outcome=OUTCOMES, income=INCOMES, at_once=EITHER)
    def decide_on_the_page(
        self, who: str, index: int, outcome: str, income: int | None, at_once: bool
    ) -> None:
        self.decide(who, "page", index, outcome, income, at_once)

    @act(6, who=NAMES, index=NEWEST, outcome=OUTCOMES, income=INCOMES)
    def decide_by_api(self, who: str, index: int, outcome: str, income: int | None) -> None:
        self.decide(who, "api", index, outcome, income, at_once=True)

    @act(14, who=NAMES, index=NEWEST, income=INCOMES)
    def approve(self, who: str, index: int, income: int | None) -> None:
        self.decide(who, "page", index, "approved", income, at_once=True)

    @act(16, index=NEWEST)
    def approve_ones_own(self, index: int) -> None:
        """Someone who truly asked for the case, or edited it, tries to approve it."""
        case = self.active(index)
        if case is None:
            return
        edits = self.list_edits(case, self.list_committed())
        editors = {who for _, who in edits} - {OUTSIDER}
        asked = self.matters[case.run_id].asked[case.run_id]
        who = self.luck.choice(sorted(editors) * 3 + sorted(asked))
        self.decide(who, "page", index, "approved", None, at_once=True)

    def tempt(self) -> None:
        """Half of the time, let someone with a part in it try to approve it at once."""
        if self.luck.choice(EITHER):
            self.approve_ones_own(0)

    def decide(
        self, who: str, channel: str, index: int, outcome: str, income: int | None, at_once: bool
    ) -> None:
        case = self.active(index)
        if case is None:
            return
        changed: Any = (
            {"fields": {"income": income}, "why": {"income": "Misread"}} if income else {}
        )
        answer, acting = Answer(outcome=outcome, comment="So", **changed), self.acting(who, channel)
        self.attempt(lambda: claim_case(case_id=case.pk, acting=acting, now=self.now))
        self.attempt(
            lambda: decide_case(
                case_id=case.pk, answer=answer, acting=acting, now=self.now, commit_now=at_once
            )
        )

    @act(4, who=NAMES, index=NEWEST, outcome=["approved", "rejected"])
    def decide_by_link(self, who: str, index: int, outcome: str) -> None:
        case = self.active(index)
        if case is None:
            return
        make_decision_link(case, None, self.now)
        link = CaseLink.objects.select_related("case", "asked").latest("pk")
        answer, acting = Answer(outcome=outcome), self.acting(who, "link")
        self.attempt(lambda: decide_by_link(link=link, answer=answer, acting=acting, now=self.now))

    @act(3, who=NAMES)
    def decide_together(self, who: str) -> None:
        self.active(0)
        cases = list(Case.objects.filter(state__in=["open", "claimed"]))
        if not cases:
            return
        acting = self.acting(who)
        self.attempt(
            lambda: decide_in_bulk(
                queue=self.queue, revisions={each.pk: each.revision for each in cases},
                outcome="approved", looked_at=[each.pk for each in cases], comment="",
                acting=acting, now=self.now,
            )
        )  # fmt: skip

    @act(3, who=NAMES)
    def undo(self, who: str) -> None:
        mine = Decision.objects.filter(decided_by__username=who, state="pending").first()
        if mine:
            acting = self.acting(who)
            self.attempt(lambda: undo_decision(case_id=mine.case_id, acting=acting, now=self.now))

    @act(4)
    def wait(self) -> None:
        self.now += timedelta(seconds=10)
        self.attempt(lambda: commit_due_decisions(self.now))

    # --- What must hold -----------------------------------------------------------------

    @invariant()
    def nobody_decides_what_they_asked_for(self) -> None:
        for decision in self.list_committed():
            asked = self.matters[decision.case.run_id].asked[decision.case.run_id]
            assert decision.decided_by.username not in asked, self.tell(decision)

    @invariant()
    def nobody_approves_alone_what_they_edited(self) -> None:
        committed = self.list_committed()
        for final in committed:
            if not (final.final and final.outcome == "approved" and final.case.rules["four_eyes"]):
                continue
            edits = [
                (at, who)
                for at, who in self.list_edits(final.case, committed)
                if at <= final.committed_at
            ]
            last = max((at for at, _ in edits), default=None)
            editors = {who for _, who in edits}
            approvers = {
                each.decided_by.username
                for each in committed
                if each.case_id == final.case_id and each.outcome == "approved"
                if last is None or each.committed_at >= last
            }
            assert approvers - editors, self.tell(final)

    def tell(self, decision: Any) -> str:
        acts = "\n".join(self.story)
        return f"case {decision.case_id}, by {decision.decided_by.username}, after:\n{acts}"

    def list_committed(self) -> list[Any]:
        found = Decision.objects.filter(state="committed", kind="person")
        return list(found.select_related("case", "decided_by"))

    def list_edits(self, case: Case, committed: list[Any]) -> list[tuple[datetime, str]]:
        """Return the edits of the case and, until it was opened, of the others of its matter.

        What is edited later in another case is not shown in this one, so it did not lead to it. A
        check is a copy of the case as it was opened.
        """
        matter = self.matters[case.run_id]
        overrides = [
            (each.committed_at, each.decided_by.username, each.case_id)
            for each in committed
            if each.overrides and self.matters[each.case.run_id] is matter
        ]
        return [
            (at, who)
            for at, who, case_id in overrides + matter.edits
            if case_id == case.pk or (case.wait_id is not None and at <= case.opened_at)
        ]

    # --- How it is done -----------------------------------------------------------------

    def attempt(self, act: Callable[[], object]) -> None:
        """Do it, or leave everything as it was if it is refused; then open the cases due."""
        self.now += timedelta(seconds=1)
        with suppress(*REFUSALS), transaction.atomic():
            act()
        for token in Token.objects.filter(state="ready", step="review").select_related("run"):
            self.open_case(token)

    def open_case(self, token: Token) -> None:
        """Do what a worker does at the checkpoint."""
        Token.objects.filter(pk=token.pk).update(state="waiting")
        wait = Wait.objects.create(
            run=token.run, token_id=token.pk, activation=token.activation, step="review",
            kind="case", opened_at=self.now,
        )  # fmt: skip
        ctx = StepContext(
            run_id=token.run_id, flow="loan", version=1, step_id="review", token_id=token.pk,
            activation=token.activation, attempt=1, input={}, bindings={}, now=self.now,
            wait_id=wait.pk,
        )  # fmt: skip
        config = {
            "queue": "underwriting", "sla": "standard", "title": f"Loan {wait.pk}", "show": SHOWN,
            "suggestion": "approved", "confidence": 0.95, **self.matters[token.run_id].rules,
        }  # fmt: skip
        ReviewCase().open(ctx, ReviewCase.Config.model_validate(config))

    def follow(self, old: int, new: int, more: set[str]) -> None:
        matter = self.matters[new] = self.matters[old]
        matter.asked[new] = matter.asked[old] | more

    def note_edit(self, case: Case, who: str, asked: InformationRequest) -> None:
        asked.refresh_from_db()
        if asked.changes:
            self.matters[case.run_id].edits.append((self.now, who, case.pk))

    def acting(self, name: str, channel: str = "page") -> Acting:
        user = self.user(name)
        if channel != "api":
            return make_acting(user, "link" if channel == "link" else "page")
        token, _ = ApiToken.objects.get_or_create(
            user=user, name="program", digest=name,
            defaults={"scopes": ["cases.view", "cases.decide"], "created_at": START},
        )  # fmt: skip
        return make_acting(token)

    def user(self, name: str) -> User:
        return User.objects.get(username=name)

    def active(self, index: int) -> Case | None:
        """Return an active case; whoever held it has gone home, and nothing is pending on it."""
        if Decision.objects.filter(state="pending").exists() and index == 0:
            self.wait()
        found = Case.objects.filter(state__in=ACTIVE).select_related("queue", "claimed_by")
        case = self.pick(found.order_by("-pk"), index)
        if case and case.lease_until:
            self.now = max(self.now, case.lease_until + timedelta(seconds=1))
        return case  # type: ignore[no-any-return]

    def open_question(self) -> InformationRequest | None:
        found = InformationRequest.objects.filter(answered_at=None)
        return found.select_related("asked_by").order_by("-pk").first()

    def ask_newest(self) -> InformationRequest | None:
        self.ask(self.luck.choice(NAMES), 0, opens=True)
        return self.open_question()

    def pick(self, rows: Any, index: int) -> Any:
        found = list(rows[:3])
        return found[index % len(found)] if found else None


@pytest.mark.django_db
@pytest.mark.timeout(240)  # some hundred acts, each through the real services
def test_nobody_ever_approves_what_they_asked_for_or_alone_what_they_edited() -> None:
    run_state_machine_as_test(
        FivePeople,
        settings=settings(
            max_examples=int(os.environ.get("EXAMPLES", "15")),
            stateful_step_count=30,
            deadline=None,
            # Shrinking would take minutes; a failure prints the whole sequence, which is short.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
