"""Request to publish, approve, refuse, withdraw: each one transaction with its ledger entry."""

from datetime import datetime

from django.db import IntegrityError, transaction

from flows.models import Flow, FlowVersion, PublishRule
from flows.publishing.models import PublishRequest, RequestState
from flows.publishing.selectors import find_draft_pins
from flows.services.errors import DraftChanged, ServiceError
from flows.services.ledger_check import compute_version_digest
from flows.services.versions import check_draft, publish_version
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.services import record
from workbench.live import nudge_on_commit


class OwnRequest(ServiceError):
    """Nobody may approve their own request."""


class RequestAnswered(ServiceError):
    """The request has been answered already."""


class RequestOpen(ServiceError):
    """Another request to publish this flow waits for an answer."""


@transaction.atomic
def set_second_person(*, flow: Flow, demanded: bool, actor: Actor, now: datetime) -> None:
    """Set whether publishing this flow needs a second person."""
    PublishRule.objects.update_or_create(flow=flow, defaults={"second_person": demanded})
    what = "now needs" if demanded else "no longer needs"
    _record("flow.rule_changed", flow, actor, {"what": what}, now)


@transaction.atomic
def request_publish(
    *, flow_id: int, revision: int, note: str, release: bool, author: User, actor: Actor,
    now: datetime,
) -> PublishRequest:  # fmt: skip
    """Request that the draft is published as it was looked at. Raises: DraftChanged, RequestOpen.

    ``revision`` is that of the draft whose changes were looked at.
    """
    flow = Flow.objects.select_for_update(of=("self",)).get(pk=flow_id)
    check_draft(flow, revision)
    digest = _digest_draft(flow)
    try:
        with transaction.atomic():
            made = PublishRequest.objects.create(
                flow=flow, draft_revision=revision, draft_digest=digest, note=note,
                release=release, requested_by=author, requested_at=now,
            )  # fmt: skip
    except IntegrityError as error:
        raise RequestOpen(
            "Somebody has asked to publish this flow already.", "Answer that request first."
        ) from error
    payload = {"revision": made.draft_revision, "digest": digest, "note": note}
    _record("flow.publish_requested", flow, actor, payload, now)
    return made


def approve_request(*, request_id: int, author: User, actor: Actor, now: datetime) -> FlowVersion:
    """Approve a request and publish the draft. The requester is the version's author.

    Raises: OwnRequest, RequestAnswered, DraftChanged, and what publish_version raises.
    """
    with transaction.atomic():
        asked = _answer(request_id, RequestState.APPROVED, author, now)
        _check_asked_draft(asked)
        return publish_version(
            flow_id=asked.flow_id,
            note=asked.note,
            author=asked.requested_by,
            actor=actor,
            now=now,
            revision=asked.draft_revision,
            release=asked.release,
            agreed_by=author,
        )


def _check_asked_draft(asked: PublishRequest) -> None:
    """Raises: DraftChanged, where the draft is not the one that was asked for."""
    flow = asked.flow
    same = asked.draft_digest in {"", _digest_draft(flow)}
    if flow.draft_revision != asked.draft_revision or not same:
        raise DraftChanged(
            f"The draft is at revision {flow.draft_revision}, and it or a prompt that it uses is "
            f"not as it was at {asked.draft_revision} when the request was made.",
            "Withdraw the request, and ask again with the present draft.",
        )


def _digest_draft(flow: Flow) -> str:
    """Return the digest of what publishing the draft would make: it, and what it is pinned to."""
    return compute_version_digest(flow.draft, find_draft_pins(flow.draft))


@transaction.atomic
def refuse_request(
    *, request_id: int, reason: str, author: User, actor: Actor, now: datetime
) -> None:
    """Refuse a request, or withdraw one's own. Raises: RequestAnswered."""
    asked = PublishRequest.objects.select_related("flow").get(pk=request_id)
    own = asked.requested_by_id == author.pk
    state = RequestState.WITHDRAWN if own else RequestState.REFUSED
    _answer(request_id, state, author, now, reason)
    action = "flow.publish_withdrawn" if own else "flow.publish_refused"
    payload = {"revision": asked.draft_revision, **({} if own else {"reason": reason})}
    _record(action, asked.flow, actor, payload, now)


def _answer(
    request_id: int, state: RequestState, author: User, now: datetime, reason: str = ""
) -> PublishRequest:
    """Answer an open request by one conditional UPDATE. Raises: OwnRequest, RequestAnswered."""
    asked = PublishRequest.objects.select_related("flow", "requested_by").get(pk=request_id)
    if state == RequestState.APPROVED and asked.requested_by_id == author.pk:
        raise OwnRequest("You asked for this yourself.", "Somebody else has to approve it.")
    changed = PublishRequest.objects.filter(pk=request_id, state=RequestState.OPEN).update(
        state=state, answered_by=author, answered_at=now, reason=reason
    )
    if changed != 1:
        raise RequestAnswered("The request was answered in the meantime.", "Look at it again.")
    return asked


def _record(
    action: str, flow: Flow, actor: Actor, payload: dict[str, object], now: datetime
) -> None:
    record(action=action, subject=("flow", flow.name), actor=actor, payload=payload, now=now)
    nudge_on_commit([f"flow.{flow.name}"], {"action": action})
