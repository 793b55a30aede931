"""Publish a draft as a version, and release a version or roll back to it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.graph.codec import parse, to_mapping
from flows.graph.model import Document
from flows.graph.validation import validate
from flows.models import Flow, FlowVersion, PublishRule
from flows.policies.points import PUBLISH, RELEASE, PublishInput, ReleaseInput, Verdict
from flows.runtime.flow_tests import run_flow_tests
from flows.selectors.model_uses import find_unusable_models, list_model_uses
from flows.selectors.secret_uses import find_unusable_secrets, list_secret_uses
from flows.services.errors import (
    DraftChanged,
    FlowInvalid,
    FlowTestsFailed,
    NothingChanged,
    SecondPersonNeeded,
)
from flows.services.judging import judge_act, tell_actor
from flows.services.ledger_check import compute_version_digest
from flows.services.other_flows import check_document, check_release
from flows.steps.calibrated import find_missing_calibrations, list_calibration_uses
from flows.steps.catalogue import catalogue
from flows.steps.pins import find_pin_problems, find_pins, list_asset_uses
from flows.steps.registry import get_step_type
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.live import nudge_on_commit


def publish_version(
    *, flow_id: int, note: str, author: User | None, actor: Actor, now: datetime,
    revision: int, release: bool = True, agreed_by: User | None = None,
) -> FlowVersion:  # fmt: skip
    """Make an immutable version of the draft, and release it unless ``release`` is False.

    ``revision`` is that of the draft whose changes were looked at; no other one is published.
    Checked first, without a lock: the draft is valid, its own tests pass, and a second person,
    ``agreed_by``, agreed where the flow demands one. The actor must have the rights that it takes
    to do what the draft does beyond the flow.

    Raises: DocumentError, FlowInvalid, FlowTestsFailed, DraftChanged, NothingChanged,
    SecondPersonNeeded, OtherFlowOutOfReach, PolicyRefused.
    """
    _check_second_person(flow_id, author, agreed_by)
    draft = Flow.objects.only("name", "draft", "draft_revision").get(pk=flow_id)
    check_draft(draft, revision)
    document = parse(draft.draft)
    check_document(document, actor)
    _check_document(draft, document, now)
    verdict = _judge(draft, document, note, author, agreed_by, actor, release=release, now=now)
    released = None
    if release:
        released = _judge_release(
            draft.name, lambda: _describe_next(draft, document, author), actor, now
        )
    with transaction.atomic():
        flow = Flow.objects.select_for_update(of=("self",)).get(pk=flow_id)
        check_draft(flow, revision)
        version = _create_version(flow, document, note, author, now)
        _record_publication(version, agreed_by, verdict, actor, now)
        if released is not None:
            _release(version, released, actor, now)
    return version


def check_draft(flow: Flow, revision: int) -> None:
    """Raises: DraftChanged, where the draft is another than the one that was looked at."""
    if flow.draft_revision != revision:
        raise DraftChanged(
            f"The draft is at revision {flow.draft_revision}; revision {revision} was looked at.",
            "Look at what changed, then publish.",
        )


def _check_document(flow: Flow, document: Document, now: datetime) -> None:
    problems = [p for p in validate(document, catalogue()) if p.severity == "error"]
    problems += find_unusable_secrets(flow.name, list_secret_uses(document))
    problems += find_unusable_models(flow.name, list_model_uses(document))
    problems += find_missing_calibrations(flow.name, list_calibration_uses(document))
    problems += find_pin_problems(list_asset_uses(document))
    if problems:
        raise FlowInvalid(problems)
    results = run_flow_tests(document, now=now)
    failed = [(result.name, result.problems) for result in results if not result.passed]
    if failed:
        raise FlowTestsFailed(failed)


def _check_second_person(flow_id: int, author: User | None, agreed_by: User | None) -> None:
    demanded = PublishRule.objects.filter(flow_id=flow_id, second_person=True).exists()
    if demanded and (agreed_by is None or agreed_by == author):
        raise SecondPersonNeeded(
            "Publishing this flow needs a second person.",
            "Ask for it on the flow's publish page; somebody else then agrees there.",
        )


def _create_version(
    flow: Flow, document: Document, note: str, author: User | None, now: datetime
) -> FlowVersion:
    mapping, pins = to_mapping(document), find_pins(document)
    digest = compute_version_digest(mapping, pins)
    newest = flow.versions.order_by("-number").first()
    if newest is not None and newest.digest == digest:
        raise NothingChanged(
            f"The draft equals version {newest.number}.", "Change the draft, then publish."
        )
    version = FlowVersion.objects.create(
        flow=flow,
        number=newest.number + 1 if newest else 1,
        document=mapping,
        pins=pins,
        digest=digest,
        note=note,
        published_by=author,
        published_at=now,
    )
    FlowVersion.with_parts.bulk_create(list(_make_parts(version, document)))
    return version


def _make_parts(version: FlowVersion, document: Document) -> Iterator[FlowVersion]:
    """Yield the documents that some steps of the version are made of, such as an agent's."""
    for step in document.steps.values():
        made = get_step_type(step.type).expand(document.name, step)
        if made is not None:
            yield FlowVersion(
                flow=version.flow,
                number=version.number,
                part=step.id,
                document=made,
                pins=version.pins,
                digest=compute_version_digest(made, version.pins),
                published_by=version.published_by,
                published_at=version.published_at,
            )


def list_parts(version: FlowVersion) -> dict[str, str]:
    """Return the digests of the documents that the version's steps are made of, by step."""
    parts = FlowVersion.with_parts.filter(flow=version.flow, number=version.number)
    return dict(parts.exclude(part="").values_list("part", "digest"))


def _judge(
    flow: Flow, document: Document, note: str, author: User | None, agreed_by: User | None,
    actor: Actor, *, release: bool, now: datetime,
) -> Verdict:  # fmt: skip
    """Raises: PolicyRefused."""

    def tell() -> PublishInput:
        newest = flow.versions.order_by("-number").first()
        return PublishInput(
            flow=flow.name, note=note, release=release,
            before=newest.document if newest else None,
            document=to_mapping(document), pins=find_pins(document),
            author=author.username if author else None,
            agreed_by=agreed_by.username if agreed_by else None,
            actor=tell_actor(actor), at=now,
        )  # fmt: skip

    return judge_act(PUBLISH, tell, flow=flow.name, actor=actor)


def _record_publication(
    version: FlowVersion, agreed_by: User | None, verdict: Verdict, actor: Actor, now: datetime
) -> None:
    name = version.flow.name
    payload: dict[str, Any] = {
        "version": version.number,
        "note": version.note,
        "digest": version.digest,
    }
    if version.pins:
        payload["pins"] = version.pins
    if parts := list_parts(version):
        payload["parts"] = parts
    if agreed_by is not None:
        payload["agreed_by"] = agreed_by.username
    payload |= verdict.as_payload()
    record(action="flow.published", subject=("flow", name), actor=actor, payload=payload, now=now)
    nudge_on_commit([f"flow.{name}"], {"version": version.number})


def release_version(*, version_id: int, actor: Actor, now: datetime) -> Flow:
    """Let new runs use this version; one older than the present is a rollback. Locks the flow.

    What it does beyond the flow must be within the rights of the actor, or still within those of
    whoever published it. Raises: OtherFlowOutOfReach, PolicyRefused.
    """
    version = FlowVersion.objects.select_related("flow", "published_by").get(pk=version_id)
    check_release(version, actor)
    verdict = _judge_release(version.flow.name, lambda: version, actor, now)
    with transaction.atomic():
        return _release(version, verdict, actor, now)


def _describe_next(flow: Flow, document: Document, author: User | None) -> FlowVersion:
    """Return the version that publishing would make, not saved."""
    newest = flow.versions.order_by("-number").first()
    return FlowVersion(
        flow=flow, number=newest.number + 1 if newest else 1, document=to_mapping(document),
        pins=find_pins(document), published_by=author,
    )  # fmt: skip


def _judge_release(
    name: str, find_version: Callable[[], FlowVersion], actor: Actor, now: datetime
) -> Verdict:
    """Raises: PolicyRefused."""

    def tell() -> ReleaseInput:
        version = find_version()
        flow = Flow.objects.select_related("released").get(pk=version.flow_id)
        before = flow.released.number if flow.released else None
        return ReleaseInput(
            flow=flow.name, version=version.number, before=before,
            is_rollback=before is not None and version.number < before,
            document=version.document, pins=version.pins,
            published_by=version.published_by.username if version.published_by else None,
            published_at=version.published_at, actor=tell_actor(actor), at=now,
        )  # fmt: skip

    return judge_act(RELEASE, tell, flow=name, actor=actor)


def _release(version: FlowVersion, verdict: Verdict, actor: Actor, now: datetime) -> Flow:
    flow = Flow.objects.select_for_update(of=("self",)).get(pk=version.flow_id)
    before = flow.released
    is_rollback = before is not None and version.number < before.number
    flow.released = version
    flow.updated_at = now
    flow.save(update_fields=["released", "updated_at"])
    payload = {"version": version.number, "before": before.number if before else 0}
    record(
        action="flow.rolled_back" if is_rollback else "flow.released",
        subject=("flow", flow.name),
        actor=actor,
        payload=payload | verdict.as_payload(),
        now=now,
    )
    nudge_on_commit([f"flow.{flow.name}"], {"released": version.number})
    return flow
