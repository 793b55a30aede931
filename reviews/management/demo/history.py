"""Write a decided history for the demo: what twelve weeks of underwriting would have left behind.

The flow's own functions score, check and lay out the applications, so that a case of the history
reads as one of today. A seeded generator draws what people decided. All of it is written in few
statements: through the engine it would take minutes.
"""

from datetime import datetime
from random import Random

from django.db import transaction

from flows.models import Flow, Run
from reviews.management.demo.contract import write_contract
from reviews.management.demo.decisions import decide
from reviews.management.demo.repeats import repeat
from reviews.management.demo.runs import SEED, TRIGGER, make_past, write_runs
from reviews.management.demo.tables import write_decided, write_ledger, write_policies
from workbench.accounts.actors import Actor
from workbench.accounts.models import User

SAMPLED_SHARE = 0.12
# Who started the runs: somebody who decides on none of them.
ASKER = "operator"
REVIEWERS = ("reviewer", "reviewer2", "lead")


def load_history(*, flow: Flow, count: int, now: datetime, actor: Actor) -> int:
    """Write ``count`` past applications; return how many decisions people made.

    Where a history was loaded before, write nothing and return 0.
    """
    if not count or Run.objects.filter(flow=flow, trigger=TRIGGER).exists():
        return 0
    random = Random(SEED)  # noqa: S311 - reproducible, and nothing secret
    people = list(User.objects.filter(username__in=REVIEWERS).order_by("username"))
    with transaction.atomic():
        past = list(make_past(flow, count, now, random, User.objects.get(username=ASKER)))
        write_runs(past)
        seen = [each for each in past if each.port == "unsure" or random.random() < SAMPLED_SHARE]
        decided = list(decide(flow, seen, people, random))
        write_decided(decided)
        repeats = list(repeat(decided, people, random))
        write_decided(repeats)
        write_ledger([*decided, *repeats], actor, now)
        write_policies(flow, now)
        write_contract(flow, actor, now)
    return len(decided) + len(repeats)
