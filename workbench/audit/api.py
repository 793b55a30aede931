"""The ledger over HTTP, to read it."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from workbench.accounts.gate import requires
from workbench.audit.models import Entry
from workbench.audit.selectors import (
    EntryFilter,
    get_entry,
    get_proof,
    list_entries,
    payload_of,
    sentence_of,
)
from workbench.audit.services import verify
from workbench.http.instants import Instant
from workbench.http.schemas import Page, page_by_id

router = Router(tags=["audit"])


class ActorOut(Schema):
    kind: str
    id: str
    name: str
    channel: str


class SubjectOut(Schema):
    kind: str
    id: str
    seq: int


class EntryOut(Schema):
    id: int
    at: datetime
    action: str
    sentence: str
    subject: SubjectOut
    actor: ActorOut
    on_behalf_of: str
    payload: Any = Field(None, description="Null if it was erased.")
    leaf_hash: str
    block: int | None = Field(None, description="Null until it is sealed.")


class EntryProofOut(Schema):
    block: int
    position: int
    root: str
    signature: str
    public_key: str
    path: list[tuple[str, str]] = Field(description="(side, hash) from the leaf to the root.")


class EntryDetailOut(EntryOut):
    canonical: str = Field(description="RFC 8785 text. leaf_hash is the SHA-256 of 0x00 and it.")
    prev_hash: str
    proof: EntryProofOut | None


class FaultOut(Schema):
    code: str
    entry: int | None
    block: int | None
    detail: str


class VerificationOut(Schema):
    ok: bool
    entries: int
    blocks: int
    unsealed: int
    first_bad: FaultOut | None
    faults: list[FaultOut]


class EntryQuery(Schema):
    text: str = ""
    action: str = Field("", description="An action, or all of one kind: `case`.")
    actor: str = Field("", description="Part of a name, or `kind:id`.")
    subject_kind: str = ""
    subject_id: str = ""
    since: Instant | None = Field(None, description="Inclusive.")
    until: Instant | None = Field(None, description="Exclusive.")


@router.get("/entries", response=Page[EntryOut], operation_id="list_audit_entries")
@requires("audit.view", scope="installation")
def list_audit_entries(
    request: HttpRequest, wanted: Query[EntryQuery], cursor: str = "", limit: int = 50
) -> Any:
    """List entries, newest first."""
    rows = list_entries(EntryFilter(**wanted.dict()))
    return page_by_id(rows, cursor=cursor, limit=limit, to_item=_entry_out)


@router.get("/entries/{entry_id}", response=EntryDetailOut, operation_id="get_audit_entry")
@requires("audit.view", scope="installation")
def get_audit_entry(request: HttpRequest, entry_id: int) -> Any:
    """Return one entry with its canonical text and the proof that it is in its block."""
    try:
        entry = get_entry(entry_id)
    except (Entry.DoesNotExist, OverflowError) as error:
        raise Http404(f"There is no entry {entry_id}.") from error
    return {
        **_entry_out(entry),
        "canonical": bytes(entry.canonical).decode(),
        "prev_hash": entry.prev_hash,
        "proof": _proof_out(entry),
    }


@router.get("/verify", response=VerificationOut, operation_id="verify_audit_ledger")
@requires("audit.view", scope="installation")
def verify_audit_ledger(request: HttpRequest) -> Any:
    """Check the whole ledger. It takes some seconds per hundred thousand entries."""
    return verify()


def _entry_out(entry: Entry) -> dict[str, Any]:
    sealed = getattr(entry, "sealed", None)
    return {
        "id": entry.pk,
        "at": entry.at,
        "action": entry.action,
        "sentence": sentence_of(entry),
        "subject": {
            "kind": entry.subject_kind,
            "id": entry.subject_id,
            "seq": entry.subject_seq,
        },
        "actor": {
            "kind": entry.actor_kind,
            "id": entry.actor_id,
            "name": entry.actor_name,
            "channel": entry.channel,
        },
        "on_behalf_of": entry.on_behalf_of,
        "payload": payload_of(entry),
        "leaf_hash": entry.leaf_hash,
        "block": sealed.block.number if sealed else None,
    }


def _proof_out(entry: Entry) -> dict[str, Any] | None:
    proof = get_proof(entry)
    if proof is None:
        return None
    return {
        "block": proof.block.number,
        "position": proof.position,
        "root": proof.block.root,
        "signature": proof.block.signature,
        "public_key": proof.block.public_key,
        "path": proof.path,
    }
