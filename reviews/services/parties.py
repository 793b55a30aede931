"""Note who has a part in a case: when it is opened, and with each edit. In its transaction."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from flows.models import Run
from flows.selectors import list_runs_before
from reviews.models import Case, CaseParty, Decision, DecisionState, InformationRequest, Part
from reviews.rules.checkpoint_config import CheckpointConfig
from reviews.selectors.parties import find_people_named
from reviews.services.links import get_claimed_name
from workbench.accounts.actors import Actor
from workbench.accounts.models import User


def note_parties(case: Case, run: Run, config: CheckpointConfig) -> None:
    """Note on a new case who asked for its run, and who edited or decided what led to it."""
    before = list_runs_before(run)
    found = [
        *_list_requesters(case, run),
        *_list_editors_before(case, before),
        *_list_deciders_before(case, before, config),
    ]
    # A person is named once for each part: by what is proved, and of that by the newest.
    newest = sorted(found, key=lambda party: (party.proved, party.at))
    kept = {(party.user_id, party.part): party for party in newest}
    CaseParty.objects.bulk_create(kept.values())


def _list_requesters(case: Case, run: Run) -> Iterable[CaseParty]:
    if not run.requested_by:
        return
    # An account may have been deleted since.
    for user_id in User.objects.filter(pk__in=run.requested_by).values_list("pk", flat=True):
        yield _make_requester(case, user_id, case.opened_at)


def _make_requester(case: Case, user_id: int, at: datetime) -> CaseParty:
    how = f"Asked for run {case.run_id}"
    return CaseParty(case=case, user_id=user_id, part=Part.REQUESTED, how=how, at=at)


def _list_editors_before(case: Case, runs: Iterable[int]) -> Iterable[CaseParty]:
    earlier = CaseParty.objects.filter(part=Part.EDITED, case__run_id__in=runs)
    for party in earlier.exclude(case=case):
        yield CaseParty(
            case=case,
            user_id=party.user_id,
            part=Part.EDITED,
            proved=party.proved,
            how=party.how,
            at=party.at,
        )


def _list_deciders_before(
    case: Case, runs: Iterable[int], config: CheckpointConfig
) -> Iterable[CaseParty]:
    """Yield who decided the steps from which the config keeps the case apart.

    ``requested_by`` counts for nobody else: earlier releases kept a decider out by it.
    """
    if not (config.apart_from or config.requested_by):
        return
    meant = Q(case__step__in=config.apart_from) | Q(decided_by__username=config.requested_by)
    decisions = Decision.objects.filter(
        meant, case__run_id__in=runs, state=DecisionState.COMMITTED, decided_by__isnull=False
    ).exclude(case=case)
    found = decisions.values_list("decided_by_id", "case_id", "case__step")
    for user_id, case_id, step in found:
        yield CaseParty(
            case=case,
            user_id=user_id or 0,
            part=Part.DECIDED,
            how=f"Decided case {case_id}, at the step {step}"[:120],
            at=case.opened_at,
        )


def copy_parties(original: Case, case: Case) -> None:
    """Give a copy of a case, as it was opened, the parties that it had then."""
    for party in CaseParty.objects.filter(case=original, at__lte=original.opened_at):
        party.pk, party.case = None, case
        party.save(force_insert=True)


def note_override(case: Case, decision: Decision, now: datetime) -> None:
    """Note the person of a committed decision that changed fields."""
    if decision.overrides and decision.decided_by:
        how = _describe_override(decision)
        _note_edit(case, decision.decided_by.pk, how, now, proved=True)


def _describe_override(decision: Decision) -> str:
    return f"Decision {decision.pk}"


def make_parties(
    case: Case, decision: Decision, requesters: Iterable[int], asked_at: datetime
) -> list[CaseParty]:
    """Return, unsaved, those whom opening the case and committing its one decision would note.

    For a history that is written at once. ``asked_at`` is when the case, or the one that it
    repeats, was opened.
    """
    made = [_make_requester(case, user_id, asked_at) for user_id in requesters]
    if decision.overrides and decision.decided_by and decision.committed_at:
        made.append(
            CaseParty(
                case=case,
                user=decision.decided_by,
                part=Part.EDITED,
                how=_describe_override(decision),
                at=decision.committed_at,
            )
        )
    return made


def note_answer(case: Case, asked: InformationRequest, actor: Actor, now: datetime) -> None:
    """Note who changed fields by the answer to a question.

    Of an answer by a link nobody knows who wrote it. It counts for those whom the name that was
    given, or the address that was asked, may mean, and for the person who asked, who had the link.
    """
    if not asked.changes:
        return
    how = f"Answer to question {asked.pk}"
    if actor.person_id is not None:
        _note_edit(case, actor.person_id, how, now, proved=True)
    elif actor.kind == "link":
        for user in find_people_named(get_claimed_name(actor), asked.asked_of):
            _note_edit(case, user.pk, how, now, proved=False)
        _note_edit(case, asked.asked_by_id, f"Had the link to question {asked.pk}", now,
                   proved=False)  # fmt: skip


def _note_edit(case: Case, user_id: int, how: str, now: datetime, *, proved: bool) -> None:
    party, is_new = CaseParty.objects.get_or_create(
        case=case,
        user_id=user_id,
        part=Part.EDITED,
        defaults={"proved": proved, "how": how, "at": now},
    )
    if not is_new:
        party.at = now
        # What is proved stays so, whatever is claimed afterwards.
        if proved or not party.proved:
            party.proved, party.how = proved, how
        party.save(update_fields=["at", "proved", "how"])
    case._kept_parties = None  # type: ignore[attr-defined]  # noqa: SLF001
