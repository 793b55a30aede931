"""Publish, release, roll back."""

import hashlib
from datetime import datetime

import rfc8785
from django.db import transaction

from flows.graph.codec import parse, to_mapping
from flows.models import Flow, FlowVersion
from flows.services.errors import FlowInvalid, NothingChanged
from workbench.accounts.models import User
from workbench.audit.actors import Actor
from workbench.audit.services import record
from workbench.live import nudge_on_commit


@transaction.atomic
def publish_version(
    *, flow_id: int, note: str, author: User | None, actor: Actor, now: datetime,
    release: bool = True,
) -> FlowVersion:  # fmt: skip
    """Make an immutable version of the draft, and release it unless told not to.

    Locks the flow. Raises: DocumentError, FlowInvalid, NothingChanged.
    """
    from flows.graph.validation import validate
    from flows.steps.catalogue import catalogue

    flow = Flow.objects.select_for_update().get(pk=flow_id)
    document = parse(flow.draft)
    problems = [p for p in validate(document, catalogue()) if p.severity == "error"]
    if problems:
        raise FlowInvalid(problems)
    mapping = to_mapping(document)
    digest = hashlib.sha256(rfc8785.dumps(mapping)).hexdigest()
    newest = flow.versions.order_by("-number").first()
    if newest is not None and newest.digest == digest:
        raise NothingChanged(
            f"The draft equals version {newest.number}.", "Change the draft, then publish."
        )
    version = FlowVersion.objects.create(
        flow=flow,
        number=newest.number + 1 if newest else 1,
        document=mapping,
        digest=digest,
        note=note,
        published_by=author,
        published_at=now,
    )
    record(
        action="flow.published",
        subject=("flow", flow.name),
        actor=actor,
        payload={"version": version.number, "note": note, "digest": digest},
        now=now,
    )
    nudge_on_commit([f"flow.{flow.name}"], {"version": version.number})
    if release:
        release_version(version_id=version.pk, actor=actor, now=now)
    return version


@transaction.atomic
def release_version(*, version_id: int, actor: Actor, now: datetime) -> Flow:
    """Make new runs use this version; an older one than now is a rollback. Locks the flow."""
    version = FlowVersion.objects.get(pk=version_id)
    flow = Flow.objects.select_for_update(of=("self",)).get(pk=version.flow_id)
    before = flow.released
    is_rollback = before is not None and version.number < before.number
    flow.released = version
    flow.updated_at = now
    flow.save(update_fields=["released", "updated_at"])
    record(
        action="flow.rolled_back" if is_rollback else "flow.released",
        subject=("flow", flow.name),
        actor=actor,
        payload={"version": version.number, "before": before.number if before else 0},
        now=now,
    )
    nudge_on_commit([f"flow.{flow.name}"], {"released": version.number})
    return flow
