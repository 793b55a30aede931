"""Tampering with what other apps keep of an act: decisions, documents, secrets."""

from datetime import timedelta
from random import Random
from typing import Any

from django.db.models import F

from bench.tampering.kinds import Place, delete_rows, kind
from bench.tampering.ledger import Ledger
from flows.models import Flow, FlowVersion
from flows.services.ledger_check import compute_document_digest
from reviews.models import Decision
from reviews.services.receipts import compute_digest
from workbench.secrets.models import Secret


@kind("a receipt changed", "decision")
def change_receipt(ledger: Ledger, pk: int, random: Random) -> Place:
    decision = Decision.objects.get(pk=pk)
    part = random.choice(["evidence", "authority", "fields", "flow", "decision", "case"])
    decision.receipt[part] = {**decision.receipt[part], "changed": random.random()}
    if random.random() < 0.5:  # noqa: PLR2004
        decision.digest = compute_digest(decision.receipt)
    decision.save()
    return Place(words=f"decision {pk} ")


@kind("a decision's row changed", "decision")
def change_decision(ledger: Ledger, pk: int, random: Random) -> Place:
    decision = Decision.objects.get(pk=pk)
    others = Decision.objects.exclude(decided_by=decision.decided_by).exclude(
        decided_by__in=decision.case.decisions.values("decided_by")
    )
    changes: list[dict[str, Any]] = [
        {"outcome": "other"}, {"comment": "other"}, {"reasons": ["other"]}, {"form": {"a": 1}},
        {"overrides": [{"field": "income"}]}, {"grounds": {"a": "b"}}, {"channel": "other"},
        {"at": F("at") - timedelta(seconds=1)},
    ]  # fmt: skip
    if another := others.first():
        changes.append({"decided_by": another.decided_by})
    Decision.objects.filter(pk=pk).update(**random.choice(changes))
    return Place(words=f"decision {pk} ")


@kind("a decision deleted", "decision")
def delete_decision(ledger: Ledger, pk: int, random: Random) -> Place:
    delete_rows("reviews_decision", "id", [pk])
    return Place(words=f"decision {pk} ")


@kind("a decision added", "decision")
def add_decision(ledger: Ledger, pk: int, random: Random) -> Place:
    decision = Decision.objects.get(pk=pk)
    decision.pk, decision.final, decision.kind = None, False, "policy"
    decision.decided_by = None
    decision.save(force_insert=True)
    return Place(words=f"decision {decision.pk} ")


@kind("a case's outcome changed", "decision")
def change_case(ledger: Ledger, pk: int, random: Random) -> Place:
    case = Decision.objects.get(pk=pk).case
    case.outcome = "other"
    case.save()
    return Place(words=f"decision {pk} ")


@kind("a published document changed", "version")
def change_document(ledger: Ledger, pk: int, random: Random) -> Place:
    version = FlowVersion.objects.select_related("flow").get(pk=pk)
    version.document["title"] = f"changed {random.random()}"
    if random.random() < 0.5:  # noqa: PLR2004
        version.digest = compute_document_digest(version.document)
    version.save()
    return Place(words=f"version {version.number} of the flow {version.flow.name}")


@kind("another version released", "version")
def change_release(ledger: Ledger, pk: int, random: Random) -> Place:
    version = FlowVersion.objects.select_related("flow").get(pk=pk)
    Flow.objects.filter(pk=version.flow_id).update(released=None)
    return Place(words=f"The flow {version.flow.name} is at version")


@kind("an older secret put back", "secret")
def put_secret_back(ledger: Ledger, name: str, random: Random) -> Place:
    older = ledger.older[name]
    Secret.objects.filter(name=name).update(
        version=older.version, ciphertext=bytes(older.ciphertext)
    )
    return Place(words=f"The secret {name} ")
