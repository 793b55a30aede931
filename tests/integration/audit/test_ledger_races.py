"""Two connections at once, on whichever database the tests run."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, connections, transaction

from workbench.accounts.actors import Actor
from workbench.audit.actions import register_action
from workbench.audit.models import BlockEntry, Entry
from workbench.audit.services import record, seal, verify

register_action("test.done", "Did {what}")
ACTOR = Actor.system("test")
SOON = 10.0

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Future[Any]]]:
    """Return a function that calls another one on a thread with a connection of its own."""
    with ThreadPoolExecutor(4) as pool:

        def call(function: Callable[[], Any]) -> Future[Any]:
            def on_own_connection() -> Any:
                try:
                    return function()
                finally:
                    connections.close_all()

            return pool.submit(on_own_connection)

        yield call


def record_one(now: datetime, subject: str, what: int = 0) -> Entry:
    return record(
        action="test.done", subject=("run", subject), actor=ACTOR, payload={"what": what}, now=now
    )


def test_writers_of_one_subject_stand_in_line(
    now: datetime, elsewhere: Callable[..., Future[Any]]
) -> None:
    def write_ten() -> None:
        for i in range(10):
            with transaction.atomic():
                record_one(now, "1", i)

    writers = [elsewhere(write_ten) for _ in range(4)]
    for writer in writers:
        writer.result(SOON)
    seqs = Entry.objects.order_by("subject_seq").values_list("subject_seq", flat=True)
    assert list(seqs) == list(range(1, 41))
    seal(now)
    assert verify().ok


def test_a_second_writer_follows_on_the_first_ones_commit(
    now: datetime, elsewhere: Callable[..., Future[Any]]
) -> None:
    begun = threading.Event()

    def second() -> Entry:
        begun.set()
        with transaction.atomic():
            return record_one(now, "1")

    with transaction.atomic():
        first = record_one(now, "1")
        later = elsewhere(second)
        assert begun.wait(SOON)
        with pytest.raises(TimeoutError):
            later.result(0.2)
    entry = later.result(SOON)
    assert (entry.subject_seq, entry.prev_hash) == (2, first.leaf_hash)


def test_a_low_id_that_commits_late_is_sealed_all_the_same(
    now: datetime, elsewhere: Callable[..., Future[Any]]
) -> None:
    if connection.vendor != "postgresql":
        return  # one writer: ids commit in order
    wrote, may_commit = threading.Event(), threading.Event()

    def slow() -> int:
        with transaction.atomic():
            entry = record_one(now, "slow")
            wrote.set()
            assert may_commit.wait(SOON)
            return int(entry.pk)

    late = elsewhere(slow)
    assert wrote.wait(SOON)
    with transaction.atomic():
        early = record_one(now, "fast")
    first = seal(now)
    may_commit.set()
    late_id = late.result(SOON)
    assert late_id < early.pk
    second = seal(now)
    assert first is not None
    assert second is not None
    assert BlockEntry.objects.get(entry=early).block == first
    assert BlockEntry.objects.get(entry_id=late_id).block == second
    assert verify().ok


def test_sealers_at_once_seal_each_entry_once(
    now: datetime, elsewhere: Callable[..., Future[Any]]
) -> None:
    def write_and_seal() -> None:
        for i in range(10):
            with transaction.atomic():
                record_one(now, str(threading.get_ident()), i)
            seal(now)

    for work in [elsewhere(write_and_seal) for _ in range(4)]:
        work.result(SOON)
    while seal(now):
        pass
    found = verify()
    assert (found.ok, found.entries, found.unsealed) == (True, 40, 0)


def test_verifying_while_others_write_raises_no_alarm(
    now: datetime, elsewhere: Callable[..., Future[Any]]
) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with transaction.atomic():
                record_one(now, "1")
            seal(now)

    writer = elsewhere(write)
    try:
        assert all(verify().ok for _ in range(10))
    finally:
        stop.set()
        writer.result(SOON)
