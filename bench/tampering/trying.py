"""Tamper, verify, roll back; count what was found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from django.db import transaction

from bench.tampering import rows  # noqa: F401 - registers its kinds
from bench.tampering.kinds import KINDS, Kind, Place
from bench.tampering.ledger import Ledger
from flows.models import FlowVersion
from reviews.models import Decision
from tests.emptying import lift_guards
from workbench.audit import verification
from workbench.secrets.models import Secret

ALONE_AT_MOST = 4  # of each kind that touches the whole ledger


@dataclass
class Result:
    """How many of each kind were tried and found, and how many verifications that took."""

    tried: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    verifications: int = 0

    def missed(self, kind: Kind) -> int:
        return self.tried[kind.name] - self.found[kind.name]


class Pool:
    """What a batch may touch, each once."""

    def __init__(self, ledger: Ledger, random: Random) -> None:
        versions = {}
        for pk, flow in FlowVersion.objects.values_list("pk", "flow_id").order_by("number"):
            versions[flow] = pk  # the newest is the released one
        self.left: dict[str, list[Any]] = {
            "group": list(ledger.groups),
            "decision": list(_one_of_each_case()),
            "version": list(versions.values()),
            "secret": list(Secret.objects.values_list("name", flat=True)),
        }
        for each in self.left.values():
            random.shuffle(each)

    def take(self, kind: Kind) -> Any:
        left = self.left[kind.on]
        return left.pop() if left else None


def _one_of_each_case() -> Iterator[int]:
    cases = dict(Decision.objects.filter(final=True).values_list("case_id", "pk"))
    yield from cases.values()


def try_all(ledger: Ledger, count: int, together: int, random: Random) -> Result:
    """Tamper ``count`` times, the kinds in turn, ``together`` at once."""
    verification.MOST_FAULTS = 1_000_000  # each one that was done together must be named
    result = Result()
    alone = [kind for kind in KINDS if kind.alone]
    for kind in alone * min(ALONE_AT_MOST, max(1, count // 100)):
        _try_batch(ledger, [kind], result, random)
    others = [kind for kind in KINDS if not kind.alone]
    left = count - result.tried.total()
    turns = [others[number % len(others)] for number in range(left)]
    random.shuffle(turns)
    while turns:
        done = _try_batch(ledger, turns[:together], result, random)
        turns = [kind for n, kind in enumerate(turns[:together]) if n not in done] + turns[
            together:
        ]
    return result


def _try_batch(ledger: Ledger, kinds: Sequence[Kind], result: Result, random: Random) -> set[int]:
    """Try those for which there is something left to touch; return their places in ``kinds``."""
    pool, done = Pool(ledger, random), {}
    with transaction.atomic():
        lift_guards()
        for number, kind in enumerate(kinds):
            target = None if kind.alone else pool.take(kind)
            if target is not None or kind.alone:
                done[number] = kind.tamper(ledger, target, random)
        _count(kinds, done, result)
        transaction.set_rollback(True)
    return set(done)


def _count(kinds: Sequence[Kind], done: dict[int, Place], result: Result) -> None:
    faults = verification.verify().faults
    result.verifications += 1
    for number, place in done.items():
        name = kinds[number].name
        result.tried[name] += 1
        result.found[name] += any(place.is_named(fault) for fault in faults)


def as_table(result: Result) -> str:
    lines = ["| Tampering | tried | found |", "|---|--:|--:|"]
    lines += [f"| {k.name} | {result.tried[k.name]} | {result.found[k.name]} |" for k in KINDS]
    return "\n".join(lines)
