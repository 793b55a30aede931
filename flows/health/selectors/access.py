"""The access review: what flows do beyond themselves without the right to it.

Rights are asked for when a version is published or a trigger saved. What was stored before they
were asked for, or by someone who has lost them since, goes on as it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from flows.graph.codec import parse
from flows.graph.problems import DocumentError
from flows.graph.reaching import Reaching
from flows.graph.rules_reaching import list_reaching
from flows.models import Flow, FlowVersion
from flows.selectors.vouchers import PUBLISHED, Deed, Voucher, find_vouchers
from flows.steps.catalogue import catalogue
from flows.triggers.hearing import list_hearing
from flows.triggers.models import Trigger, TriggerKind

ACTIONS = (PUBLISHED, "trigger.created", "trigger.changed", "trigger.enabled")
MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class AccessGap:
    """Something that a released version or a trigger does, and the right to it that is missing.

    Either ``version``, a number, or ``trigger``, an id, is set; ``label`` names it. ``who`` is its
    publisher or author, empty where unknown; ``missing`` are the permissions that they lack.
    """

    flow: str
    title: str
    version: int | None
    trigger: int | None
    label: str
    who: str
    what: str
    missing: tuple[str, ...]
    where: str
    remedy: str


class _Source(NamedTuple):
    """A version or a trigger, what it does beyond its flow, and the act that let it."""

    of: FlowVersion | Trigger
    reaching: Sequence[Reaching]
    deed: Deed


class _Key(NamedTuple):
    """What tells a stored version, which is never changed, from every other."""

    pk: int
    digest: str
    published_at: datetime


# The health page asks every ten seconds, and reading the documents is most of the work.
_kept: dict[_Key, list[Reaching]] = {}


def list_access_gaps() -> list[AccessGap]:
    """Return what is done beyond flows without the right to it: seven queries at most.

    A process reads the document of each version once.
    """
    sources = [*_list_versions(), *_list_triggers()]
    vouchers = find_vouchers([source.deed for source in sources], ACTIONS)
    found = [
        gap
        for source, voucher in zip(sources, vouchers, strict=True)
        for gap in _find_gaps(source, voucher)
    ]
    return sorted(found, key=lambda gap: (gap.flow, gap.trigger or 0))


def _list_versions() -> Iterator[_Source]:
    """Yield the released versions that do something beyond their flow. Two queries at most."""
    flows = Flow.objects.filter(released__isnull=False).select_related("released")
    versions = []
    for flow in flows.defer("draft", "released__document"):
        assert flow.released is not None
        flow.released.flow = flow
        versions.append(flow.released)
    reaching = _read_reaching(versions)
    for version in versions:
        if found := reaching[_key(version)]:
            yield _Source(version, found, Deed.publishing(version))


def _key(version: FlowVersion) -> _Key:
    return _Key(version.pk, version.digest, version.published_at)


def _read_reaching(versions: Sequence[FlowVersion]) -> dict[_Key, list[Reaching]]:
    """Return what each version does beyond its flow. One query, none if all were read before."""
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    if missing := {version.pk: _key(version) for version in versions if _key(version) not in _kept}:
        types = catalogue()
        documents = FlowVersion.objects.filter(pk__in=missing).values_list("pk", "document")
        for pk, document in documents.iterator(chunk_size=100):
            try:
                _kept[missing[pk]] = list_reaching(parse(document), types)
            except DocumentError:
                # A document that cannot be read cannot be run either.
                _kept[missing[pk]] = []
    return {_key(version): _kept.get(_key(version), []) for version in versions}


def _list_triggers() -> Iterator[_Source]:
    """Yield the triggers that are on and hear another flow. One query."""
    enabled = Trigger.objects.filter(kind=TriggerKind.FLOW, enabled=True)
    for trigger in enabled.select_related("flow").defer("flow__draft").order_by("pk"):
        details = {"title": trigger.title, "config": trigger.config}
        if hearing := list_hearing(trigger):
            yield _Source(trigger, hearing, Deed(trigger.flow.name, trigger.changed_at, details))


def _find_gaps(source: _Source, voucher: Voucher) -> Iterator[AccessGap]:
    """Yield one gap for each right that is missing, however many steps would need it."""
    told = set()
    for each in source.reaching:
        missing = tuple(voucher.find_missing(each))
        if missing and (missing, each.flow) not in told:
            told.add((missing, each.flow))
            yield _describe(source.of, each, missing, voucher)


def _describe(
    of: FlowVersion | Trigger, each: Reaching, missing: tuple[str, ...], voucher: Voucher
) -> AccessGap:
    is_version = isinstance(of, FlowVersion)
    return AccessGap(
        flow=of.flow.name,
        title=of.flow.title,
        version=of.number if isinstance(of, FlowVersion) else None,
        trigger=of.pk if isinstance(of, Trigger) else None,
        label=f"version {of.number}" if isinstance(of, FlowVersion) else f"trigger {of.title}",
        who=voucher.name,
        what=each.what,
        missing=missing,
        where=each.where,
        remedy=_advise(each, voucher, is_version=is_version),
    )


def _advise(each: Reaching, voucher: Voucher, *, is_version: bool) -> str:
    """Return what to do. An unchanged draft is not published again, so its text has to change."""
    if is_version:
        again = "have the flow changed and published by someone who may"
    else:
        again = "have the trigger saved by someone who may, or turn it off"
    if voucher.person is not None:
        again = f"give {voucher.name} what is missing, or {again}"
    if each.instead:
        again = f"{each.instead} and publish; or {again}"
    return f"{again[:1].upper()}{again[1:]}."
