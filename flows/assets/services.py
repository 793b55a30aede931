"""Create, save, publish, release and archive assets of any kind, each with its ledger entry."""

import hashlib
import json
from datetime import datetime
from typing import Any

import rfc8785
from django.db import IntegrityError, transaction

from flows.assets.errors import (
    AssetDraftChanged,
    AssetExists,
    AssetInUse,
    AssetInvalid,
    AssetTestsFailed,
    AssetUnchanged,
    AssetUnknown,
    OtherPersonNeeded,
)
from flows.assets.kinds import (
    AssetKind,
    AssetProblem,
    Content,
    Freeze,
    TestBudget,
    get_kind,
    sum_up,
)
from flows.assets.models import Asset, AssetVersion
from flows.assets.selectors import list_users
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.accounts.permissions import Principal
from workbench.audit.services import record
from workbench.http.addresses import RESERVED, is_reserved
from workbench.live import nudge_on_commit
from workbench.values.checking import check_value
from workbench.values.refusals import ValueRefused

Json = Any
LONGEST_TITLE = 200
_NOT_YOURS = (
    "A version of this is released by another person than the one who published it.",
    "Publish it without releasing it; somebody else then releases it on its versions page.",
)


@transaction.atomic
def create_asset(
    *, kind: AssetKind, name: str, title: str, content: Content | None, actor: Actor, now: datetime
) -> Asset:
    """Create an asset with this draft, or an empty one. Raises: AssetExists, AssetInvalid."""
    if is_reserved(f"flows:{kind.name}-detail", name):
        raise AssetInvalid([AssetProblem("name", f"{name!r} cannot be a name.", RESERVED)])
    title = _check_title(title or name)
    draft = _check_draft(kind, content if content is not None else kind.empty())
    try:
        with transaction.atomic():
            asset = Asset.objects.create(
                kind=kind.name, name=name, title=title, draft=draft, created_at=now, changed_at=now
            )
    except IntegrityError:
        raise AssetExists(
            f"There is a {kind.name} named {name!r}.", "Choose another name."
        ) from None
    _record("asset.created", asset, actor, {}, now)
    return asset


@transaction.atomic
def save_draft(
    *, asset_id: int, title: str | None, content: Content, actor: Actor, now: datetime
) -> Asset:
    """Replace the draft, and the title if one is given. Hold the asset for comparing revisions.

    A draft need not be fit to be published. Raises: AssetInvalid for one that cannot be kept.
    """
    asset = _lock(asset_id)
    draft = _check_draft(get_kind(asset.kind), content)
    title = asset.title if title is None else _check_title(title)
    # As text, since the order of keys is part of what people write.
    if (json.dumps(draft), title) == (json.dumps(asset.draft), asset.title):
        return asset
    asset.draft, asset.title = draft, title
    asset.draft_revision += 1
    asset.changed_at = now
    asset.save(update_fields=["draft", "title", "draft_revision", "changed_at"])
    payload = {"revision": asset.draft_revision, "digest": compute_digest(draft)}
    _record("asset.changed", asset, actor, payload, now)
    return asset


def publish_asset(
    *, asset_id: int, revision: int, note: str, author: User | None, actor: Actor, now: datetime,
    release: bool = True, principal: Principal | None = None,
) -> AssetVersion:  # fmt: skip
    """Make an immutable version of the draft, and release it unless ``release`` is False.

    ``revision`` is that of the draft that was looked at; no other one is published. The version
    takes in what ``principal`` may see; give the token where one publishes. Left out, it is the
    author. Checked first, without a lock: the draft has no problems, and none of its tests fails
    on recorded answers.

    Raises: AssetInvalid, AssetTestsFailed, AssetDraftChanged, AssetUnchanged, OtherPersonNeeded.
    """
    asset = Asset.objects.get(pk=asset_id)
    _check_revision(asset, revision)
    if release and asset.second_person:
        raise OtherPersonNeeded(*_NOT_YOURS)
    kind = get_kind(asset.kind)
    if problems := kind.check(asset.draft):
        raise AssetInvalid(problems)
    content = kind.freeze(asset.draft, Freeze(actor, principal or _find_principal(author, actor)))
    if problems := kind.check(content):
        raise AssetInvalid(problems)
    results = kind.run_tests(asset.name, content, TestBudget())
    if failed := [each for each in results if each.state == "failed"]:
        raise AssetTestsFailed(failed)
    with transaction.atomic():
        asset = _lock(asset_id)
        _check_revision(asset, revision)
        version = _create_version(asset, content, sum_up(results), note, author, now)
        payload = {"version": version.number, "note": note, "digest": version.digest}
        _record("asset.published", asset, actor, payload, now)
        if release:
            release_version(version_id=version.pk, actor=actor, now=now)
    return version


def _find_principal(author: User | None, actor: Actor) -> Principal | None:
    """Return nobody where a token acts: its person may see more than it."""
    return None if actor.kind == "token" else author


def _create_version(
    asset: Asset, content: Content, tests: Json, note: str, author: User | None, now: datetime
) -> AssetVersion:
    digest = compute_digest(content)
    newest = asset.versions.order_by("-number").first()
    if newest is not None and newest.digest == digest:
        raise AssetUnchanged(
            f"The draft equals version {newest.number}.", "Change the draft, then publish."
        )
    return AssetVersion.objects.create(
        asset=asset,
        number=newest.number + 1 if newest else 1,
        content=content,
        digest=digest,
        note=note,
        tests=tests,
        published_by=author,
        published_at=now,
    )


@transaction.atomic
def release_version(*, version_id: int, actor: Actor, now: datetime) -> Asset:
    """Let flows that are published from now on use this version; an older one is a rollback.

    Released flows stay on the version that they were published with. Where a second person is
    demanded, the one who published a version does not release it first. Raises: OtherPersonNeeded.
    """
    asset = _lock(AssetVersion.objects.values_list("asset_id", flat=True).get(pk=version_id))
    version = AssetVersion.objects.get(pk=version_id)
    before = asset.released.number if asset.released else 0
    if before == version.number:
        return asset
    if version.first_released_at is None:
        _check_other_person(asset, version, actor)
        version.first_released_at = now
        version.save(update_fields=["first_released_at"])
    asset.released = version
    asset.changed_at = now
    asset.save(update_fields=["released", "changed_at"])
    action = "asset.rolled_back" if version.number < before else "asset.released"
    _record(action, asset, actor, {"version": version.number, "before": before}, now)
    return asset


def _check_other_person(asset: Asset, version: AssetVersion, actor: Actor) -> None:
    """Raises: OtherPersonNeeded."""
    is_another = actor.person_id is not None and actor.person_id != version.published_by_id
    if asset.second_person and not is_another:
        raise OtherPersonNeeded(*_NOT_YOURS)


@transaction.atomic
def set_second_person(*, asset_id: int, demanded: bool, actor: Actor, now: datetime) -> Asset:
    """Set whether another person than its publisher has to release a version."""
    asset = _lock(asset_id)
    if asset.second_person != demanded:
        asset.second_person = demanded
        asset.save(update_fields=["second_person"])
        what = "now needs" if demanded else "no longer needs"
        _record("asset.rule_changed", asset, actor, {"what": what}, now)
    return asset


@transaction.atomic
def archive_asset(*, asset_id: int, archived: bool, actor: Actor, now: datetime) -> Asset:
    """Take an asset out of the list and of what new flows may use, or bring it back.

    Raises: AssetInUse, where a released flow is pinned to it.
    """
    asset = _lock(asset_id)
    if archived == (asset.archived_at is not None):
        return asset
    if archived and (users := list_users(asset)):
        names = ", ".join(sorted({each.flow for each in users})[:5])
        raise AssetInUse(
            f"It is in use by {names}.", "Publish these flows without it, then archive it."
        )
    asset.archived_at = now if archived else None
    asset.changed_at = now
    asset.save(update_fields=["archived_at", "changed_at"])
    _record("asset.archived" if archived else "asset.restored", asset, actor, {}, now)
    return asset


def compute_digest(content: Content) -> str:
    """Return the SHA-256 of the content's RFC 8785 form."""
    return hashlib.sha256(rfc8785.dumps(dict(content))).hexdigest()


def _lock(asset_id: int) -> Asset:
    found = Asset.objects.select_for_update(of=("self",)).select_related("released")
    asset = found.filter(pk=asset_id).first()
    if asset is None:
        raise AssetUnknown("It is not there any more.", "Look at the list.")
    return asset


def _check_revision(asset: Asset, revision: int) -> None:
    if asset.draft_revision != revision:
        raise AssetDraftChanged(
            f"The draft is at revision {asset.draft_revision}; revision {revision} was looked at.",
            "Look at what changed, then publish.",
        )


def _check_title(title: str) -> str:
    if not title.strip() or len(title) > LONGEST_TITLE:
        message = f"A title has 1 to {LONGEST_TITLE} characters."
        raise AssetInvalid([AssetProblem("title", message, "Write a shorter one.")])
    return title.strip()


def _check_draft(kind: AssetKind, content: Content) -> dict[str, Json]:
    """Return the draft in its normal form. Raises: AssetInvalid for what cannot be kept."""
    try:
        check_value(content)
        # Not the canonical form, which takes seconds for a hundred thousand entries.
        size = len(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode())
    except ValueRefused as error:
        problem = AssetProblem(error.at or "content", error.message, error.remedy)
        raise AssetInvalid([problem]) from None
    if size > kind.largest:
        message = f"It has {size:,} bytes; at most {kind.largest:,} are kept."
        raise AssetInvalid([AssetProblem("content", message, "Shorten it.")])
    if problems := kind.check_form(content):
        raise AssetInvalid(problems)
    return kind.normal(content)


def _record(
    action: str, asset: Asset, actor: Actor, payload: dict[str, Json], now: datetime
) -> None:
    named = {"kind": asset.kind, "name": asset.name, "title": asset.title}
    subject = (asset.kind, asset.name)
    record(action=action, subject=subject, actor=actor, payload={**named, **payload}, now=now)
    nudge_on_commit([f"assets.{asset.kind}"], {"name": asset.name})
