"""What an approval needs, and when it is complete. Pure.

0. The amount is in reviews.rules.amounts: what is odd or missing takes no row with an ``up_to``.
1. The authority matrix gives the level an approval needs and the number of approvers.
2. With four eyes, an edit needs an approval after it by someone who never edited the case.
3. Whoever asked for the case counts for no approval.
Only approvals need authority: declining or asking again risks nothing beyond the reviewer's role.
Who may decide the case at all is in reviews.selectors.eligibility.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any
APPROVED = "approved"


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the matrix: up to ``up_to`` (None: any amount) needs ``level`` and ``approvers``.

    ``product`` "" holds for all. ``exceptions`` True holds only for cases with an exception,
    False only for those without, None for both.
    """

    level: int = 1
    approvers: int = 1
    up_to: float | None = None
    product: str = ""
    exceptions: bool | None = None

    def covers(self, amount: float | None, product: str, exceptions: Collection[str]) -> bool:
        if self.product and self.product != product:
            return False
        if self.exceptions is not None and self.exceptions != bool(exceptions):
            return False
        return self.up_to is None or (amount is not None and 0 < amount <= self.up_to)


@dataclass(frozen=True, slots=True)
class Need:
    level: int = 1
    approvers: int = 1


class NoAuthorityRule(ValueError):
    """No row of the matrix covers the case: add a row without `up_to` for the rest."""


def read_rules(data: Sequence[Mapping[str, Json]]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            level=int(row.get("level", 1)),
            approvers=int(row.get("approvers", 1)),
            up_to=row.get("up_to"),
            product=row.get("product", ""),
            exceptions=row.get("exceptions"),
        )
        for row in data
    )


def find_need(
    rules: Sequence[Rule], amount: float | None, product: str, exceptions: Collection[str]
) -> Need:
    """Return what an approval needs by the first row that covers the case; 1 and 1 without rows.

    ``amount`` is as reviews.rules.amounts measures it.

    Raises: NoAuthorityRule, because an uncovered amount must not be free.
    """
    if not rules:
        return Need()
    for rule in rules:
        if rule.covers(amount, product, exceptions):
            return Need(rule.level, rule.approvers)
    raise NoAuthorityRule(
        f"No row of the authority matrix covers {amount} {product}".rstrip()
        + ": add a row without `up_to` for the rest."
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at, each person by username.

    ``voters`` are the people with a standing approval; ``outdated`` are those of them who approved
    before the last edit. ``editors`` are all who ever changed a field, also on earlier cases that
    led to this one, ``requesters`` all who asked for it. ``requested_by`` is only what is shown.
    """

    person: str
    level: int
    outcome: str
    requested_by: str
    need: Need
    requesters: frozenset[str] = frozenset()
    quorum: int = 1
    four_eyes: bool = False
    voters: frozenset[str] = frozenset()
    outdated: frozenset[str] = frozenset()
    editors: frozenset[str] = frozenset()
    edits_now: bool = False

    @property
    def all_editors(self) -> frozenset[str]:
        return self.editors | ({self.person} if self.edits_now else frozenset())

    @property
    def approvers(self) -> frozenset[str]:
        return (self.voters | {self.person}) - self.requesters

    @property
    def witnesses(self) -> frozenset[str]:
        """Who approves what there is now without having edited it."""
        outdated = self.voters if self.edits_now else self.outdated
        return self.approvers - self.all_editors - (outdated - {self.person})


@dataclass(frozen=True, slots=True)
class Verdict:
    """``refusals`` empty: the person may decide. ``final`` False: their approval counts, and
    ``missing`` more people must approve."""

    refusals: tuple[str, ...] = ()
    final: bool = True
    missing: int = 0
    checks: Mapping[str, Json] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        return not self.refusals


def judge(facts: Facts, refusals: Iterable[str] = ()) -> Verdict:
    """Return the verdict on one decision. ``refusals`` are reasons against it from other rules."""
    found = (*refusals, *_refuse_level(facts))
    if found or facts.outcome != APPROVED:
        return Verdict(refusals=found, checks=_make_checks(facts, 0))
    missing = _count_missing(facts)
    return Verdict(final=missing == 0, missing=missing, checks=_make_checks(facts, missing))


def _refuse_level(facts: Facts) -> list[str]:
    if facts.outcome != APPROVED or facts.level >= facts.need.level:
        return []
    needed, own = facts.need.level, facts.level
    return [f"Approving this needs authority level {needed} and yours is {own}: escalate it."]


def _count_missing(facts: Facts) -> int:
    needed = max(facts.quorum, facts.need.approvers)
    missing = max(0, needed - len(facts.approvers))
    if facts.four_eyes and facts.all_editors and not facts.witnesses:
        return max(1, missing)
    return missing


def _make_checks(facts: Facts, missing: int) -> Mapping[str, Json]:
    return {
        "level": facts.level,
        "level_needed": facts.need.level,
        "approvers_needed": max(facts.quorum, facts.need.approvers),
        "approved_by_others": sorted(facts.voters - {facts.person}),
        "four_eyes": facts.four_eyes,
        "editors": sorted(facts.all_editors),
        "requested_by": facts.requested_by,
        "requesters": sorted(facts.requesters),
        "still_missing": missing,
    }
