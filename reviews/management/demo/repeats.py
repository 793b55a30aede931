"""Cases that were decided again: blind second reviews, and known answers."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from random import Random

from reviews.management.demo.decisions import make_check, make_decision
from reviews.management.demo.records import Decided
from reviews.models import Case
from reviews.models.quality import CheckKind, KnownAnswer
from workbench.accounts.models import User

SECOND_SHARE, KNOWN = 0.2, 9
# People agree more often than two of them drawn apart would.
SAME_SHARE = 0.4
REPEATED = (
    "queue", "run_id", "flow", "flow_version", "step", "title", "summary", "subject", "priority",
    "value", "product", "rank", "confidence", "requested_by", "shown", "rules", "fields", "sla",
)  # fmt: skip


def repeat(decided: Sequence[Decided], people: Sequence[User], random: Random) -> Iterator[Decided]:
    """Yield blind second reviews, and known answers that everyone was given."""
    by_person = [each for each in decided if each.check is None]
    for first in by_person:
        if random.random() < SECOND_SHARE:
            others = [person for person in people if person != first.decision.decided_by]
            yield _decide_again(first, random.choice(others), random, CheckKind.SECOND)
    for first in by_person[:: max(1, len(by_person) // KNOWN)][:KNOWN]:
        known = _make_known(first, next(p for p in people if p.username == "lead"))
        for person in people:
            if person != first.decision.decided_by:
                yield _decide_again(first, person, random, CheckKind.KNOWN, known)


def _make_known(first: Decided, author: User) -> KnownAnswer:
    return KnownAnswer.objects.create(
        queue=first.case.queue,
        case=first.case,
        outcome=first.decision.outcome,
        note="Agreed on by the team",
        created_by=author,
        created_at=first.decision.at,
    )


def _decide_again(
    first: Decided, person: User, random: Random, kind: CheckKind, known: KnownAnswer | None = None
) -> Decided:
    source = f"demo:case:{first.case.pk}:{person.pk}"
    case = Case(
        **{name: getattr(first.case, name) for name in REPEATED},
        wait_id=None,
        opened_at=first.decision.at + timedelta(hours=1),
    )
    decision = make_decision(case, person, first.past, random, second=True)
    if random.random() < SAME_SHARE:
        decision.outcome = case.outcome = first.decision.outcome
        decision.reasons = first.decision.reasons
    check = make_check(
        kind, source, case, decision, first.decision.outcome, original=first.case, known=known,
        expected_by=None if known else first.decision.decided_by,
    )  # fmt: skip
    return Decided(first.past, case, decision, check)
