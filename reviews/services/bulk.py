"""Decide similar, low-risk cases together, after a look at a sample of them.

Cases are similar if the same step of the same version opened them for the same product and the
model suggests the same. A case is of low risk if the model is sure, nothing flags it, and one
person of the lowest level may approve it alone. Other cases are decided one by one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from reviews.errors import DecisionInvalid, NotAuthorised, ReviewError
from reviews.models import Case, Queue
from reviews.rules.answers import Answer, list_outcomes
from reviews.selectors.acting import Acting, describe_missing_permission
from reviews.selectors.judging import find_need_of_case
from reviews.selectors.line import Line, list_first_in_line
from reviews.selectors.lists import limit_to_reach
from reviews.selectors.veil import exclude_hidden
from reviews.services.claims import check_takeable
from reviews.services.decisions import decide_case, undo_decision
from reviews.services.moving import get_case
from workbench.accounts.permissions import reach

SURE = 0.9
MOST = 50
# How many cases at the head of the line are looked at for like ones.
READ = 400
SAMPLE = 3
FACTS = 8

Likeness = tuple[str, int, str, str, str]


@dataclass(frozen=True, slots=True)
class LikeCases:
    """Cases that may be decided together as ``outcome``. ``sample`` must be looked at first."""

    key: str
    outcome: str
    cases: Sequence[Case]
    sample: Sequence[Case]

    @property
    def value(self) -> float:
        return sum(case.value or 0 for case in self.cases)


@dataclass
class BulkOutcome:
    """``decided`` case ids, and why others were left: ``{case id: sentence}``."""

    decided: list[int] = field(default_factory=list)
    left: dict[int, str] = field(default_factory=dict)


def list_like_cases(*, queue: Queue, acting: Acting, now: datetime) -> list[LikeCases]:
    """Return the groups of like, low-risk cases among the first of the queue, the largest first.

    Four queries.
    """
    first = list_first_in_line(Line.of(queue, acting, now).parts, READ)
    groups: dict[Likeness, list[Case]] = {}
    for case in Case.objects.filter(pk__in=first).select_related("queue").order_by("rank", "id"):
        if find_risk(case) is None:
            groups.setdefault(_get_likeness(case), []).append(case)
    found = [_make_group(cases[:MOST]) for cases in groups.values() if len(cases) > 1]
    return sorted(found, key=lambda group: -len(group.cases))


def _make_group(cases: list[Case]) -> LikeCases:
    first = cases[0]
    key = "~".join(str(part) for part in _get_likeness(first))
    return LikeCases(key, first.shown["suggestion"], cases, choose_sample(cases))


def _get_likeness(case: Case) -> Likeness:
    return case.flow, case.flow_version, case.step, case.product, case.shown.get("suggestion", "")


def choose_sample(cases: Iterable[Case]) -> list[Case]:
    """Return the cases to look at: the largest, the least certain, and the middle one."""
    ordered = sorted(cases, key=lambda case: case.pk)
    chosen = [
        max(ordered, key=lambda case: case.value or 0),
        min(ordered, key=lambda case: case.confidence or 0),
        ordered[len(ordered) // 2],
    ]
    found = list(dict.fromkeys(case.pk for case in chosen))
    rest = [case.pk for case in ordered if case.pk not in found]
    wanted = set((found + rest)[:SAMPLE])
    return [case for case in ordered if case.pk in wanted]


def find_risk(case: Case) -> str | None:
    """Return why the case must be decided by itself, None if it is of low risk. No queries."""
    rules, shown = case.rules, case.shown
    suggestion = shown.get("suggestion", "")
    risks = {
        "The model is not sure enough.": (case.confidence or 0) < SURE,
        "It is decided before the model's answer is seen.": case.independent,
        "The model suggests no outcome of this step.": suggestion not in list_outcomes(rules),
        "A policy flags it.": any(f.get("level") != "info" for f in shown.get("flags") or ()),
        "It needs more than one person.": bool(
            rules.get("exceptions") or int(rules.get("quorum", 1)) > 1 or case.escalation
        ),
        "It asks for evidence or a form.": bool(
            rules.get("required_evidence") or (rules.get("form") or {}).get("required")
        ),
        "Its outcome needs a reason of its own.": bool(
            rules.get("reason_codes", {}).get(suggestion)
        ),
    }
    return next((why for why, holds in risks.items() if holds), None) or _find_authority_risk(case)


def _find_authority_risk(case: Case) -> str | None:
    try:
        need = find_need_of_case(case)
    except NotAuthorised as error:
        return str(error)
    return None if (need.level, need.approvers) == (1, 1) else "It needs more authority."


def decide_in_bulk(
    *,
    queue: Queue,
    revisions: Mapping[int, int],
    outcome: str,
    looked_at: Iterable[int],
    comment: str,
    acting: Acting,
    now: datetime,
) -> BulkOutcome:
    """Decide similar cases with one outcome, each with its own checks, receipt and commit window.

    ``revisions`` are what was seen, by case id. A case that changed, that someone took or that is
    no longer of low risk is left with the reason, and the others are decided.

    Raises: NotAuthorised, DecisionInvalid if the cases are not alike, or not all of the sample was
    looked at.
    """
    found = reach(acting.principal, "cases.decide")
    if not found.touches(queue.name):
        raise NotAuthorised(describe_missing_permission("cases.decide", queue))
    known = Case.objects.filter(limit_to_reach(found), exclude_hidden(acting.user), queue=queue)
    cases = list(known.filter(pk__in=list(revisions)).select_related("queue"))
    _check_together(cases, revisions, outcome, set(looked_at))
    done = BulkOutcome()
    for case in cases:
        try:
            _decide_one(case, revisions[case.pk], outcome, comment, acting, now)
            done.decided.append(case.pk)
        except ReviewError as error:
            done.left[case.pk] = str(error)
    return done


def _check_together(
    cases: Sequence[Case], revisions: Mapping[int, int], outcome: str, looked_at: set[int]
) -> None:
    problems: dict[str, str] = {}
    if not cases or len(cases) != len(revisions):
        problems["cases"] = "Choose cases of this queue."
    elif len(cases) > MOST:
        problems["cases"] = f"Choose at most {MOST} cases."
    elif len({_get_likeness(case) for case in cases}) > 1:
        problems["cases"] = "These cases are not alike: decide each kind by itself."
    elif outcome != cases[0].shown.get("suggestion"):
        problems["outcome"] = "Together, cases are only decided as the model suggests."
    elif missing := [case for case in choose_sample(cases) if case.pk not in looked_at]:
        titles = ", ".join(case.title for case in missing)
        problems["looked_at"] = f"Look at the sample first: {titles}."
    if problems:
        raise DecisionInvalid(problems)


def _decide_one(
    case: Case, revision: int, outcome: str, comment: str, acting: Acting, now: datetime
) -> None:
    with transaction.atomic():
        fresh = get_case(case.pk)
        check_takeable(fresh, acting, now)
        if risk := find_risk(fresh):
            raise DecisionInvalid({"cases": risk})
        answer = Answer(outcome=outcome, comment=comment)
        decide_case(case_id=case.pk, answer=answer, acting=acting, now=now, revision=revision)


def undo_in_bulk(*, case_ids: Iterable[int], acting: Acting, now: datetime) -> BulkOutcome:
    """Undo the decisions that can still be undone; ``left`` says why the others cannot."""
    found = BulkOutcome()
    for case_id in case_ids:
        try:
            undo_decision(case_id=case_id, acting=acting, now=now)
            found.decided.append(case_id)
        except (ReviewError, Case.DoesNotExist) as error:
            found.left[case_id] = str(error)
    return found


def list_first_values(case: Case) -> list[dict[str, Any]]:
    """Return the first fields of the case, which a sample shows, with their values."""
    fields = [f for group in case.shown.get("show") or () for f in group.get("fields") or ()]
    return [
        {**each, "value": case.fields.get(each.get("key"), each.get("value"))}
        for each in fields[:FACTS]
    ]
