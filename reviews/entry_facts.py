"""What the ledger's page of a decision says of its evidence: what is known, and what was stated."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from reviews.models import Decision
from reviews.services.receipts import compute_digest
from workbench.audit.entry_facts import Fact, register_entry_facts

Json = Any


def register_facts() -> None:
    register_entry_facts("case.decided", find_evidence_facts)
    register_entry_facts("case.approval_counted", find_evidence_facts)


def find_evidence_facts(payload: Mapping[str, Json]) -> Iterator[Fact]:
    """Yield what the receipt says of the evidence: one query."""
    decision = Decision.objects.filter(pk=payload["decision"]).first()
    if decision is None or not decision.receipt:
        return
    if compute_digest(decision.receipt) != payload.get("digest"):
        yield Fact("Receipt", "It is another than the one that this entry names.")
        return
    evidence = decision.receipt.get("evidence", {})
    if "known" in evidence:
        teller = "program" if decision.receipt["decision"]["channel"] == "api" else "page"
        yield from _list_known(evidence["known"])
        yield from _list_stated(evidence["stated"], f"as stated by the {teller}")


def _list_known(known: Mapping[str, Json]) -> Iterator[Fact]:
    seen_at = known["first_seen_at"]
    if seen_at:
        yield Fact("Known: first seen", at=datetime.fromisoformat(seen_at))
    else:
        yield Fact("Known: first seen", "not known")
    for name, at in known["served"].items():
        yield Fact("Known: fetched", name, datetime.fromisoformat(at))
    yield Fact("Known: at most", f"{known['seconds_at_most']:,} s")


def _list_stated(stated: Mapping[str, Json], by: str) -> Iterator[Fact]:
    yield Fact("Stated: opened", ", ".join(stated["opened"]) or "nothing", by=by)
    yield Fact("Stated: active", f"{stated['active_seconds']:,} s", by=by)
