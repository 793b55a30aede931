"""The receipt of a decision: what was shown, to whom, by which authority. No queries."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flows.selectors import MadeBy
from reviews.models import Case, Decision
from reviews.rules.answers import write_notice
from reviews.rules.documents import get_artifact_digest, list_files
from workbench.audit.canonical import canonical_bytes

Json = Any
SCHEMA = "countersign/receipt@1"


def make_receipt(
    case: Case,
    decision: Decision,
    *,
    checks: Mapping[str, Json],
    made_by: MadeBy,
    parties: Sequence[Mapping[str, Json]],
    now: datetime,
    policies: Sequence[Mapping[str, Json]] = (),
) -> dict[str, Json]:
    """Return the receipt, with all that was shown, so that it can be read by itself.

    ``policies`` are those that decided on the decision itself.
    """
    by_policies = [*made_by.policies, *policies]
    return {
        "schema": SCHEMA,
        "case": {
            "id": case.pk,
            "title": case.title,
            "queue": case.queue.name,
            "subject": case.subject,
            "opened_at": case.opened_at.isoformat(),
            "due_at": case.due_at.isoformat() if case.due_at else None,
            "sla_policy": case.sla.get("policy", ""),
        },
        "run": case.run_id,
        "flow": {"name": case.flow, "version": case.flow_version, "step": case.step},
        "models": [dict(model) for model in made_by.models],
        **({"policies": by_policies} if by_policies else {}),
        "decision": {
            "id": decision.pk,
            "kind": str(decision.kind),
            "outcome": decision.outcome,
            "reasons": decision.reasons,
            "grounds": decision.grounds,
            "notice": write_notice(case.rules, decision.outcome, decision.reasons),
            "comment": decision.comment,
            "overrides": decision.overrides,
            **({"places": decision.places} if decision.places else {}),
            "form": decision.form,
            "by": decision.decided_by.username if decision.decided_by else None,
            "channel": decision.channel,
            "at": decision.at.isoformat(),
            "committed_at": now.isoformat(),
        },
        "authority": dict(checks),
        "parties": [dict(party) for party in parties],
        "evidence": {
            "shown": case.shown,
            "shown_sha256": compute_digest(case.shown),
            "rules_sha256": compute_digest(case.rules),
            "artifacts": sorted(_list_artifacts(case.shown)),
            "opened": decision.opened,
            "active_seconds": decision.active_seconds,
            **decision.measured,
        },
        "fields": case.fields,
    }


def compute_digest(value: Json) -> str:
    """Return the SHA-256 of the value's RFC 8785 form.

    Raises: PayloadNotCanonical.
    """
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def _list_artifacts(shown: Mapping[str, Json]) -> set[str]:
    found = set()
    for document in list_files(shown):
        if digest := get_artifact_digest(document.get("artifact")):
            found.add(digest)
    return found
