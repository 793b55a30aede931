"""Read the ledger."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from workbench.audit.actions import describe_action
from workbench.audit.merkle import inclusion_proof
from workbench.audit.models import Block, BlockEntry, Entry
from workbench.search.matching import having

ROWS_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What to look for; an empty field matches anything. ``actor`` is part of a name or kind:id."""

    text: str = ""
    action: str = ""
    actor: str = ""
    subject_kind: str = ""
    subject_id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self != EntryFilter()


def list_entries(wanted: EntryFilter, *, before: int | None = None) -> QuerySet[Entry]:
    """Return entries with their payloads, newest first: one query. ``before`` is an entry's id."""
    entries = Entry.objects.select_related("payload", "sealed__block").order_by("-id")
    if before is not None:
        entries = entries.filter(pk__lt=before)
    if wanted.action:
        entries = entries.filter(_action(wanted.action))
    if wanted.actor:
        entries = entries.filter(_actor(wanted.actor))
    if wanted.subject_kind:
        entries = entries.filter(subject_kind=wanted.subject_kind)
    if wanted.subject_id:
        entries = entries.filter(subject_id=wanted.subject_id)
    if wanted.since:
        entries = entries.filter(at__gte=wanted.since)
    if wanted.until:
        entries = entries.filter(at__lt=wanted.until)
    return entries.filter(_text(wanted.text)) if wanted.text else entries


def _action(action: str) -> Q:
    """Match one action, such as ``case.decided``, or with ``case`` every action of cases."""
    return Q(action=action) | Q(action__startswith=f"{action}.")


def _actor(actor: str) -> Q:
    kind, colon, actor_id = actor.partition(":")
    named = having(actor, "actor_name")
    return named | Q(actor_kind=kind, actor_id=actor_id) if colon else named


def _text(text: str) -> Q:
    return having(text, "action", "actor_name", "payload__body") | Q(subject_id=text)


def payload_of(entry: Entry) -> Any:
    """Return the entry's details, or None where they were erased."""
    body = entry.payload.body
    return None if body is None else json.loads(body)


def sentence_of(entry: Entry) -> str:
    payload = payload_of(entry)
    return describe_action(entry.action, payload if isinstance(payload, dict) else None)


def get_entry(pk: int) -> Entry:
    """Return the entry with payload and block: one query. Raises: Entry.DoesNotExist."""
    return Entry.objects.select_related("payload", "sealed__block").get(pk=pk)


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof that an entry is in its block. ``path`` is (side, hash) from leaf to root."""

    block: Block
    position: int
    path: list[tuple[str, str]]


def get_proof(entry: Entry) -> Proof | None:
    """Return the inclusion proof, or None while the entry is unsealed: two queries."""
    sealed = BlockEntry.objects.select_related("block").filter(entry=entry).first()
    if sealed is None:
        return None
    leaves = sealed.block.leaves.order_by("position").values_list("entry__leaf_hash", flat=True)
    return Proof(sealed.block, sealed.position, inclusion_proof(list(leaves), sealed.position))


def get_neighbours(entry: Entry) -> tuple[Entry | None, Entry | None]:
    """Return the entries before and after it in its subject's chain: one query."""
    around = {
        other.subject_seq: other
        for other in Entry.objects.filter(
            subject_kind=entry.subject_kind,
            subject_id=entry.subject_id,
            subject_seq__in=[entry.subject_seq - 1, entry.subject_seq + 1],
        )
    }
    return around.get(entry.subject_seq - 1), around.get(entry.subject_seq + 1)


def get_last_act(subject: tuple[str, str], *actions: str, **found: Any) -> Entry | None:
    """Return the newest entry of a subject by one of these actions: one query."""
    kind, subject_id = subject
    entries = Entry.objects.filter(subject_kind=kind, subject_id=subject_id, action__in=actions)
    return entries.filter(**found).order_by("-subject_seq").first()
