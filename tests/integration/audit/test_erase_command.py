"""`manage.py audit erase` erases details and records who asked and why."""

from datetime import datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from tests.factories.people import make_person
from workbench.accounts.actors import Actor
from workbench.audit.actions import register_action
from workbench.audit.models import Entry, EntryPayload
from workbench.audit.services import record, verify

pytestmark = pytest.mark.django_db
register_action("test.done", "Did {what}")


@pytest.fixture
def entry(now: datetime) -> Entry:
    make_person("olga")
    with transaction.atomic():
        return record(
            action="test.done", subject=("run", "1"), actor=Actor.system("test"),
            payload={"what": "it"}, now=now,
        )  # fmt: skip


def test_the_details_are_erased_and_the_ledger_says_by_whom_and_why(entry: Entry) -> None:
    call_command("audit", "erase", str(entry.pk), "--by=olga", "--reason=The person asked.")
    assert EntryPayload.objects.get(entry=entry).body is None
    said = Entry.objects.get(action="ledger.payload_erased")
    assert (said.actor_name, said.channel) == ("olga", "command")
    assert "The person asked." in str(said.payload.body)
    assert verify().ok


@pytest.mark.parametrize(
    ("number", "by", "reason", "told"),
    [
        ("99", "olga", "asked", "no entry 99"),
        ("{}", "nobody", "asked", "no active person 'nobody'"),
        ("{}", "olga", " ", "Say why"),
    ],
)
def test_what_cannot_be_erased_is_told(
    entry: Entry, number: str, by: str, reason: str, told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("audit", "erase", number.format(entry.pk), "--by", by, "--reason", reason)
    assert EntryPayload.objects.get(entry=entry).body is not None
