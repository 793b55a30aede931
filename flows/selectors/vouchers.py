"""Who answers for what a flow does beyond itself: its version's publisher, its trigger's author.

The ledger says who acted, and that the server did; what was stored before is known by its own row.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from flows.graph.reaching import Reaching
from flows.models import FlowVersion
from workbench.accounts.actors import Actor, ActorKind, Channel
from workbench.accounts.models import User
from workbench.accounts.permissions import can, reach
from workbench.accounts.principals import find_people
from workbench.audit.models import Entry
from workbench.audit.selectors import payload_of

Json = Any


@dataclass(frozen=True, slots=True)
class Voucher:
    """A person, the server, or nobody: ``name`` is empty where it is unknown who it was."""

    name: str = ""
    person: User | None = None
    is_server: bool = False

    def find_missing(self, each: Reaching) -> list[str]:
        """Return the permissions that it takes and they lack today. One query for each person."""
        return [] if self.is_server else find_missing(each, self.person)


@dataclass(frozen=True, slots=True)
class Deed:
    """An act that let a flow do something: when, and what its entry in the ledger says of it.

    ``author`` is the person's key where the row itself names one.
    """

    flow: str
    at: datetime
    details: Mapping[str, Json]
    author: int | None = None

    @classmethod
    def publishing(cls, version: FlowVersion) -> "Deed":
        """Return the publication of a version, whose flow must be loaded."""
        details = {"version": version.number}
        return cls(version.flow.name, version.published_at, details, version.published_by_id)


PUBLISHED = "flow.published"


def find_missing(each: Reaching, person: User | None) -> list[str]:
    """Return the permissions that it takes and the person lacks today. One query at most."""
    return [name for name in each.permissions if not _has(person, name, each.flow)]


def _has(person: User | None, permission: str, flow: str) -> bool:
    if flow:
        return can(person, permission, flow=flow)
    return reach(person, permission).everywhere


def find_publisher(version: FlowVersion) -> Voucher:
    """Return who published the version. Five queries at most."""
    return find_vouchers([Deed.publishing(version)], [PUBLISHED])[0]


def find_vouchers(deeds: Sequence[Deed], actions: Collection[str]) -> list[Voucher]:
    """Return who did each, with their grants: four queries, none without deeds."""
    if not deeds:
        return []
    entries = _find_entries(deeds, actions)
    actors = [_find_actor(deed, entries.get((deed.flow, deed.at), ())) for deed in deeds]
    people = find_people({actor for actor in actors if actor is not None})
    return [_vouch(actor, people) for actor in actors]


def _find_entries(
    deeds: Sequence[Deed], actions: Collection[str]
) -> dict[tuple[str, datetime], list[Entry]]:
    found = Entry.objects.filter(
        subject_kind="flow",
        subject_id__in={deed.flow for deed in deeds},
        action__in=actions,
        at__in={deed.at for deed in deeds},
    )
    entries: dict[tuple[str, datetime], list[Entry]] = {}
    for entry in found.select_related("payload").order_by("subject_seq"):
        entries.setdefault((entry.subject_id, entry.at), []).append(entry)
    return entries


def _find_actor(deed: Deed, entries: Sequence[Entry]) -> Actor | None:
    for entry in reversed(entries):
        # Details that were erased leave the instant, which is hardly shared.
        said = payload_of(entry) or deed.details
        if all(said.get(name) == value for name, value in deed.details.items()):
            kind, channel = cast(ActorKind, entry.actor_kind), cast(Channel, entry.channel)
            return Actor(kind, entry.actor_id, entry.actor_name, channel)
    return None if deed.author is None else Actor("user", str(deed.author), "", "page")


def _vouch(actor: Actor | None, people: Mapping[Actor, User]) -> Voucher:
    if actor is None:
        return Voucher()
    person = people.get(actor)
    name = actor.name or (person.label if person else "")
    return Voucher(name, person, actor.is_server)
