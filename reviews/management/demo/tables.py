"""Write the decided history into the tables, in few statements."""

from collections.abc import Sequence
from datetime import datetime

from flows.models import Flow, Run
from flows.selectors import MadeBy
from reviews.management.demo.records import Decided
from reviews.models import Case, CaseParty, Decision, Queue
from reviews.models.quality import DecisionFact, QualityCheck, QueuePolicy, SamplingPolicy
from reviews.selectors.parties import describe_parties, keep_parties
from reviews.services.facts import make_fact
from reviews.services.parties import make_parties
from reviews.services.receipts import compute_digest, make_receipt
from workbench.accounts.actors import Actor
from workbench.audit.services import Act, record_many

BATCH = 200


def write_decided(decided: Sequence[Decided]) -> None:
    """Write cases, decisions with their receipts, checks and facts, and the runs' outcomes."""
    Case.objects.bulk_create([each.case for each in decided], batch_size=BATCH)
    Decision.objects.bulk_create([each.decision for each in decided], batch_size=BATCH)
    checks = [each.check for each in decided if each.check]
    QualityCheck.objects.bulk_create(checks, batch_size=BATCH)
    _write_parties(decided)
    for each in decided:
        _make_receipt(each)
    decisions = [each.decision for each in decided]
    Decision.objects.bulk_update(decisions, ["receipt", "digest"], batch_size=BATCH)
    DecisionFact.objects.bulk_create([_fact(each) for each in decided], batch_size=BATCH)
    Run.objects.bulk_update([each.past.run for each in decided], ["outcome"], batch_size=BATCH)


def _write_parties(decided: Sequence[Decided]) -> None:
    """Write who asked for each case and who corrected it, and keep them for the receipts."""
    parties = [
        party
        for each in decided
        for party in make_parties(
            each.case, each.decision, each.past.run.requested_by, each.past.at
        )
    ]
    CaseParty.objects.bulk_create(parties, batch_size=BATCH)
    for start in range(0, len(decided), BATCH):
        keep_parties([each.case for each in decided[start : start + BATCH]])


def _make_receipt(each: Decided) -> None:
    """Put the corrections into the case and the receipt into the decision."""
    decision = each.decision
    # A dict of its own: a repeated case begins with the dict of the case that it repeats.
    each.case.fields = each.case.fields | {o["field"]: o["new"] for o in decision.overrides}
    decision.receipt = make_receipt(
        each.case,
        decision,
        checks={},
        made_by=MadeBy(
            models=[{"step": "score", "model": "scorecard", "version": each.past.version}],
            policies=[],
        ),
        parties=describe_parties(each.case),
        now=decision.at,
    )
    decision.digest = compute_digest(decision.receipt)


def _fact(each: Decided) -> DecisionFact:
    kind = each.check.kind if each.check else ""
    return make_fact(each.case, each.decision, check_kind=kind)


def write_ledger(decided: Sequence[Decided], actor: Actor, now: datetime) -> None:
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


def write_policies(flow: Flow, now: datetime) -> None:
    """Write how much of the queue and of the flow is checked, unless that is set already."""
    QueuePolicy.objects.get_or_create(
        queue=Queue.objects.get(name="underwriting"),
        defaults={
            "second_percent": 10,
            "known_percent": 2,
            "changed_by": "Demo lead",
            "changed_at": now,
            "seeded_to": Case.objects.order_by("-pk")[0].pk,
        },
    )
    SamplingPolicy.objects.get_or_create(
        flow=flow.name,
        defaults={
            "step": "review",
            "percent": 10,
            "outcomes": ["approved", "declined"],
            "equivalents": {"declined": "rejected"},
            "created_by": "Demo lead",
            "created_at": now,
            "looked_to": Run.objects.order_by("-pk")[0].pk,
        },
    )
