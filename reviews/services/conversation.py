"""Comment on a case, ask others about it, and escalate it."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from reviews.errors import DecisionInvalid, MoveNotAllowed, NotAuthorised
from reviews.models import Case, Comment, InformationRequest
from reviews.models.states import CaseState
from reviews.rules.answers import COMMENT_MAX
from reviews.rules.attachments import NewFile
from reviews.rules.corrections import check_changes, check_opened
from reviews.rules.sla import Stopwatch, read_plan
from reviews.selectors.acting import Acting, check_may
from reviews.selectors.parties import find_people_named
from reviews.services.attaching import attach_file, check_files
from reviews.services.links import ensure_reply_link, get_claimed_name
from reviews.services.moving import (
    check_fresh,
    check_holds,
    get_case,
    move_case,
    record_event,
)
from reviews.services.parties import note_answer
from reviews.services.passing import reserve_for_familiar
from reviews.services.refused import notes_refusals
from reviews.services.stopwatch import set_instants
from reviews.services.telling import notify_leads, notify_people
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.dispatch.outbox import enqueue
from workbench.values.mail_addresses import read_mail_address
from workbench.values.refusals import ValueRefused

QUESTION_JOB = "reviews.send_question"
_MENTION = re.compile(r"(?<![\w@])@([\w.+-]{1,150})")


@notes_refusals("comment")
def add_comment(
    *, case_id: int, body: str, acting: Acting, now: datetime, files: Sequence[NewFile] = ()
) -> Comment:
    """Add a comment, with files, to the case and notify the people mentioned as @username.

    Raises: Case.DoesNotExist, NotAuthorised, DecisionInvalid, with its kinds that say which bound
    the files break.
    """
    with transaction.atomic():
        case = get_case(case_id)
        check_may(acting, "cases.view", queue=case.queue, flow=case.flow)
        text = _read_text(body, "comment")
        check_files(case, files, acting.user)
        names = [name.rstrip(".") for name in _MENTION.findall(text)]
        mentioned = list(User.objects.filter(username__in=names, is_active=True))
        comment = Comment.objects.create(
            case=case,
            author=acting.user,
            body=text,
            mentions=sorted(user.username for user in mentioned),
            at=now,
        )
        attached = [attach_file(comment, file, acting, now) for file in files]
        record_event(
            case, "commented", acting, now, data={"comment": comment.pk, "attached": attached}
        )
        notify_people(case, mentioned, "mentioned", now, said=text, by=acting.user.label)
        return comment


@notes_refusals("ask for information")
def request_information(
    *,
    case_id: int,
    question: str,
    acting: Acting,
    now: datetime,
    revision: int | None = None,
    to: str = "",
    fields: Collection[str] = (),
) -> InformationRequest:
    """Ask someone outside the queue; the SLA clock is paused until they answer.

    ``to``: the mail address to which the question goes, with a link to answer it; empty sends none.
    ``fields``: the keys of the values that whoever answers may correct, and so gets to see.

    Raises: Case.DoesNotExist, NotAuthorised, DecisionInvalid, CaseStale and the claim's conditions.
    """
    with transaction.atomic():
        case = _get_held_case(case_id, acting, now, revision, act="information")
        text = _read_text(question, "question")
        asked = InformationRequest.objects.create(
            case=case,
            question=text,
            asked_by=acting.user,
            asked_at=now,
            asked_of=_read_address(to),
            fields=check_opened(fields, case.shown),
        )
        ensure_reply_link(asked, now)
        if asked.asked_of:
            enqueue(QUESTION_JOB, {"asked": asked.pk}, now=now)
        watch = Stopwatch(case.used_seconds, case.running_since).pause(read_plan(case.sla), now)
        _set_stopwatch(case, watch)
        move_case(
            case,
            CaseState.WAITING_FOR_INFO,
            claimed_by=None,
            claimed_at=None,
            lease_until=None,
            familiar=acting.user,
            **_get_clock_fields(case),
        )
        record_event(case, "information_requested", acting, now, data={"question": text})
        return asked


def reply(
    *,
    case_id: int,
    answer: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> Case:
    """Record the answer and return the case to its queue, offered first to the person who asked.

    The SLA clock resumes.

    ``changes`` are new values of fields that the question opened, by key; they are marked on the
    case and count as an edit by whoever answers.

    Raises: Case.DoesNotExist, MoveNotAllowed if nothing was asked, NotAuthorised for who asked,
    DecisionInvalid.
    """
    with transaction.atomic():
        case = get_case(case_id)
        asked = case.information_requests.filter(answered_at=None).first()
        if case.state != CaseState.WAITING_FOR_INFO or asked is None:
            raise MoveNotAllowed("Nothing is asked on this case: an answer has nowhere to go.")
        _check_answerer(asked, actor)
        changed = check_changes(changes, case.shown, case.fields, opened=asked.fields)
        asked.answer, asked.changes = _read_text(answer, "answer"), changed
        asked.answered_by, asked.answered_at = actor.name, now
        asked.save()
        _set_stopwatch(case, Stopwatch(case.used_seconds, case.running_since).resume(now))
        case.fields = case.fields | changed
        reserve_for_familiar(case, case.familiar, now)
        state = CaseState.ESCALATED if case.escalation else CaseState.OPEN
        move_case(
            case,
            state,
            fields=case.fields,
            familiar=case.familiar,
            reserved_until=case.reserved_until,
            **_get_clock_fields(case),
        )
        note_answer(case, asked, actor, now)
        record_event(
            case,
            "information_received",
            actor,
            now,
            data={"answer": asked.answer, "changes": changed},
        )
        hears = [case.familiar] if case.familiar else [asked.asked_by]
        notify_people(case, hears, "answered", now, said=asked.answer, by=actor.name)
        return case


def _check_answerer(asked: InformationRequest, actor: Actor) -> None:
    """Raises: NotAuthorised if the person who asked answers, or their name stands under it."""
    if actor.person_id is None and actor.kind == "link":
        own = asked.asked_by in find_people_named(get_claimed_name(actor))
    else:
        own = actor.person_id == asked.asked_by_id
    if own:
        raise NotAuthorised("You asked this question, so someone else must answer it.")


@notes_refusals("escalate it")
def escalate_case(
    *, case_id: int, comment: str, acting: Acting, now: datetime, revision: int | None = None
) -> Case:
    """Escalate the case to people with more authority.

    Raises: Case.DoesNotExist, NotAuthorised, DecisionInvalid, CaseStale and the claim's conditions.
    """
    with transaction.atomic():
        case = _get_held_case(case_id, acting, now, revision, act="escalation")
        text = _read_text(comment, "comment")
        move_case(
            case,
            CaseState.ESCALATED,
            escalation=case.escalation + 1,
            claimed_by=None,
            claimed_at=None,
            lease_until=None,
            familiar=None,
        )
        record_event(
            case, "escalated", acting, now, data={"level": case.escalation, "comment": text}
        )
        notify_leads(case, "escalated", now, said=text, by=acting.user.label)
        return case


def _get_held_case(
    case_id: int, acting: Acting, now: datetime, revision: int | None, *, act: str
) -> Case:
    case = get_case(case_id)
    check_may(acting, "cases.decide", queue=case.queue, flow=case.flow)
    check_fresh(case, revision, acting.user, now)
    check_holds(case, acting.user, now)
    if act not in case.rules.get("allow", ()):
        raise MoveNotAllowed(f"The flow does not allow {act} at this checkpoint.")
    return case


def _read_address(text: str) -> str:
    """Return the mail address, "" if there is none. Raises: DecisionInvalid."""
    if not text.strip():
        return ""
    try:
        return read_mail_address(text)
    except ValueRefused as refused:
        raise DecisionInvalid({"to": str(refused)}) from None


def _read_text(text: str, name: str) -> str:
    stripped = text.strip()
    if not stripped:
        raise DecisionInvalid({name: f"Write the {name}."})
    if len(stripped) > COMMENT_MAX:
        raise DecisionInvalid({name: f"Shorten it to {COMMENT_MAX} characters."})
    return stripped


def _set_stopwatch(case: Case, watch: Stopwatch) -> None:
    case.used_seconds, case.running_since = watch.used_seconds, watch.running_since
    set_instants(case)


def _get_clock_fields(case: Case) -> dict[str, Any]:
    names = (
        "used_seconds", "running_since", "next_act_at", "due_at", "warn_at", "rank",
    )  # fmt: skip
    return {name: getattr(case, name) for name in names}
