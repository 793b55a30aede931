"""A refusal outlives the transaction that it rolls back in commands, jobs and clock tasks too."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from reviews.errors import NotAuthorised
from reviews.rules.answers import Answer
from reviews.services.decisions import decide_case
from tests.factories.cases import make_held_case
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, User
from workbench.audit.models import Entry, Tally
from workbench.audit.refusals import MOST_AT_ONCE, Refusal, note_refusal
from workbench.audit.selectors import payload_of
from workbench.audit.services import verify
from workbench.dispatch import registry
from workbench.dispatch.delivery import deliver
from workbench.dispatch.models import Outbox
from workbench.dispatch.outbox import enqueue
from workbench.secrets.services import SecretUnknown, read_secrets

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("test")


class Stopped(Exception):
    """What leaves the transaction."""


def refuse(number: int = 1) -> None:
    note_refusal(Refusal("token.refused", ("user", str(number)), ACTOR, {}))


def count(action: str = "token.refused") -> int:
    return Entry.objects.filter(action=action).count()


def test_a_refusal_outlives_the_transaction_around_it() -> None:
    with suppress(Stopped), transaction.atomic():
        refuse()
        raise Stopped
    assert count() == 1
    assert verify().ok


@pytest.mark.parametrize("outer_stops", [True, False])
@pytest.mark.parametrize("inner_stops", [True, False])
def test_it_is_written_once_whichever_transaction_is_rolled_back(
    outer_stops: bool, inner_stops: bool
) -> None:
    with suppress(Stopped), transaction.atomic():
        with suppress(Stopped), transaction.atomic():
            refuse()
            if inner_stops:
                raise Stopped
        if outer_stops:
            raise Stopped
    assert count() == 1


def test_it_outlives_a_transaction_that_the_database_has_broken() -> None:
    with suppress(DatabaseError), transaction.atomic():
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT broken FROM nowhere")
        connection.needs_rollback = True
        refuse()
    assert count() == 1


def test_nothing_is_written_before_the_outermost_transaction_ended() -> None:
    with transaction.atomic():
        with transaction.atomic():
            refuse()
        assert count() == 0
    assert count() == 1


def test_one_transaction_leaves_no_more_entries_than_one_request() -> None:
    with suppress(Stopped), transaction.atomic():
        for number in range(MOST_AT_ONCE + 50):
            refuse(number)
        raise Stopped
    assert count() == 10
    assert Tally.objects.get().further == MOST_AT_ONCE - 10


def test_the_connection_is_left_as_it_was() -> None:
    before = dict(vars(connection))
    with suppress(Stopped), transaction.atomic():
        refuse()
        raise Stopped
    assert vars(connection).keys() == before.keys()
    with transaction.atomic():
        User.objects.create_user("later")
    assert User.objects.get().username == "later"
    assert count() == 1


def test_what_hangs_on_the_commit_is_done_before_and_its_failure_loses_no_refusal() -> None:
    def fail() -> None:
        raise Stopped

    with suppress(Stopped), transaction.atomic():
        refuse()
        transaction.on_commit(fail)
    assert count() == 1


@pytest.fixture
def failing_job() -> Iterator[str]:
    def read(args: dict[str, Any], now: datetime) -> None:
        with transaction.atomic():
            read_secrets([args["name"]], use="steps")

    registry._handlers["tests.reads_a_secret"] = read
    yield "tests.reads_a_secret"
    del registry._handlers["tests.reads_a_secret"]


def test_a_job_that_was_refused_a_secret_leaves_an_entry(failing_job: str) -> None:
    now = timezone.now()
    row = enqueue(failing_job, {"name": "payroll"}, now=now)
    assert deliver(row.pk, now)
    assert "payroll" in Outbox.objects.get(pk=row.pk).last_error
    [entry] = Entry.objects.filter(action="secret.refused")
    assert payload_of(entry)["name"] == "payroll"


def test_a_command_that_was_refused_an_act_leaves_an_entry() -> None:
    make_office(rita=Role.REVIEWER, otto=Role.REVIEWER)
    case = make_held_case("rita", timezone.now())
    case.queue.authority = [{"level": 5, "approvers": 1}]
    case.queue.save()
    with pytest.raises(NotAuthorised), transaction.atomic():
        decide_case(
            case_id=case.pk, answer=Answer("approved"), acting=person("rita"), now=timezone.now()
        )
    [entry] = Entry.objects.filter(action="case.act_refused")
    assert (entry.subject_id, entry.actor_name) == (str(case.pk), "rita")


def test_without_a_transaction_it_is_written_at_once() -> None:
    with pytest.raises(SecretUnknown):
        read_secrets(["payroll"], use="steps")
    assert count("secret.refused") == 1
