"""A ledger to tamper with: the demo's decisions and flows, secrets, and many entries of runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random

from django.core.management import call_command
from django.db import transaction

from workbench.accounts.actors import Actor
from workbench.audit.actions import register_action
from workbench.audit.models import BlockEntry, Entry
from workbench.audit.services import Act, record_many, seal
from workbench.secrets.models import Secret
from workbench.secrets.services import set_secret

NOW = datetime(2026, 3, 10, 10, tzinfo=UTC)
ACTION = "bench.noted"
ACTOR = Actor.system("bench")
SUBJECTS = 20  # of one group
BLOCKS = 2  # of one group
SECRETS = 40
register_action(ACTION, "Noted {number}")


@dataclass(frozen=True)
class Group:
    """Entries of subjects and blocks that no other group has."""

    entries: Sequence[int]
    blocks: Sequence[int]


@dataclass
class Ledger:
    """What there is. ``older`` are former rows of the secrets, by name."""

    groups: list[Group] = field(default_factory=list)
    older: dict[str, Secret] = field(default_factory=dict)


def make_ledger(entries: int, random: Random, *, decisions: int, block: int = 250) -> Ledger:
    """Fill the database and seal it; ``block`` is about how many entries a block has."""
    call_command("load_demo", runs=0, history=decisions, stdout=StringIO())
    made = Ledger(older=_set_secrets())
    _seal_all()
    left = entries - Entry.objects.count()
    for number in range(max(1, left // (block * BLOCKS))):
        made.groups.append(_make_group(number, block, random))
    return made


def _set_secrets() -> dict[str, Secret]:
    older = {}
    for number in range(SECRETS):
        name = f"KEY_{number}"
        set_secret(name=name, value="the first value", uses=["notices"], actor=ACTOR, now=NOW)
        older[name] = Secret.objects.get(name=name)
        set_secret(name=name, value="the second value", uses=["notices"], actor=ACTOR, now=NOW)
    return older


def _make_group(number: int, block: int, random: Random) -> Group:
    ids: list[int] = []
    blocks: list[int] = []
    for part in range(BLOCKS):
        at = NOW + timedelta(seconds=2 * number + part)
        acts = list(_draw_acts(number, block, random))
        with transaction.atomic():
            ids += [entry.pk for entry in record_many(acts, now=at)]
        sealed = seal(at)
        assert sealed is not None
        blocks.append(sealed.number)
    return Group(ids, blocks)


def _draw_acts(group: int, count: int, random: Random) -> Iterator[Act]:
    for number in range(count):
        subject = ("run", f"{group}-{random.randrange(SUBJECTS)}")
        yield Act(ACTION, subject, ACTOR, {"number": number, "amount": random.randrange(10**6)})


def _seal_all() -> None:
    while seal(NOW) is not None:
        pass


def list_chain(entry: int) -> list[Entry]:
    """Return the entry's chain, in order."""
    one = Entry.objects.get(pk=entry)
    return list(
        Entry.objects.filter(subject_kind=one.subject_kind, subject_id=one.subject_id).order_by(
            "subject_seq"
        )
    )


def blocks_of(entries: Sequence[int]) -> set[int]:
    found = BlockEntry.objects.filter(entry_id__in=entries)
    return set(found.values_list("block__number", flat=True))
