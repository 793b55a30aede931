"""Attach released policies to points, and detach them. No policy decides about that.

So whoever is locked out by a policy can always get in again: an administrator detaches it, by page,
API or command.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from flows.assets.errors import AssetExists, AssetInvalid, AssetUnknown
from flows.assets.kinds import AssetProblem
from flows.assets.models import Asset, PolicyAttachment
from flows.assets.policies.attachments import KNOWN
from flows.policies.points import POINTS
from workbench.accounts.actors import Actor
from workbench.audit.services import record
from workbench.live import nudge_on_commit

KIND = "policy"


@transaction.atomic
def attach_policy(
    *, policy: str, point: str, flow: str, queue: str, actor: Actor, now: datetime
) -> PolicyAttachment:
    """Let the policy's released version decide at a point. Raises: AssetUnknown, AssetInvalid,
    AssetExists.
    """
    _check_place(point, flow, queue)
    asset = Asset.objects.select_for_update(of=("self",)).filter(kind=KIND, name=policy).first()
    if asset is None or asset.archived_at is not None:
        raise AssetUnknown(f"There is no policy {policy!r}.", "Look at the list of policies.")
    if asset.released_id is None:
        problem = AssetProblem("policy", f"{policy} has no released version.", "Release one first.")
        raise AssetInvalid([problem])
    try:
        with transaction.atomic():
            made = PolicyAttachment.objects.create(
                policy=asset, point=point, flow=flow, queue=queue, attached_by=actor.name[:150],
                attached_at=now,
            )  # fmt: skip
    except IntegrityError:
        raise AssetExists("It is attached there already.", "Look at the list.") from None
    _record("policy.attached", made, actor, now)
    return made


@transaction.atomic
def detach_policy(*, attachment_id: int, actor: Actor, now: datetime) -> None:
    """Let the policy no longer decide there. Raises: AssetUnknown."""
    found = PolicyAttachment.objects.select_for_update(of=("self",)).select_related("policy")
    attachment = found.filter(pk=attachment_id).first()
    if attachment is None:
        raise AssetUnknown("It is not attached any more.", "Look at the list.")
    _record("policy.detached", attachment, actor, now)
    attachment.delete()


def _check_place(point: str, flow: str, queue: str) -> None:
    """Raises: AssetInvalid."""
    known = POINTS.get(point)
    if known is None:
        names = ", ".join(POINTS)
        problem = AssetProblem("point", f"There is no point {point!r}.", f"Use one of: {names}.")
        raise AssetInvalid([problem])
    for scope, given in (("flow", flow), ("queue", queue)):
        if given and scope not in known.narrowed_by:
            message = f"{known.title} cannot be narrowed to a {scope}."
            raise AssetInvalid([AssetProblem(scope, message, "Leave it empty.")])


def _record(action: str, attachment: PolicyAttachment, actor: Actor, now: datetime) -> None:
    policy = attachment.policy
    where = ", ".join(
        f"{scope} {name}"
        for scope, name in (("flow", attachment.flow), ("queue", attachment.queue))
        if name
    )
    payload = {
        "policy": policy.name,
        "point": attachment.point,
        "flow": attachment.flow,
        "queue": attachment.queue,
        "where": where or "everywhere",
    }
    record(action=action, subject=(KIND, policy.name), actor=actor, payload=payload, now=now)
    nudge_on_commit([f"assets.{KIND}"], {"name": policy.name})
    transaction.on_commit(KNOWN.forget)
