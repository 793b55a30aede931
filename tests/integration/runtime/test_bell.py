"""The doorbell between processes: PostgreSQL has one, SQLite is a single process."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from flows.runtime.listener import Listener
from flows.store import bell, get_store
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


class Ears:
    """What another process hears."""

    def __init__(self) -> None:
        self.heard = 0
        self.changed = threading.Condition()

    def ring(self) -> None:
        with self.changed:
            self.heard += 1
            self.changed.notify_all()

    def wait_for(self, count: int, seconds: float) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.heard >= count, seconds)


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    listener = Listener(ears.ring)
    listener.start()
    if connection.vendor == "postgresql":
        # A listener rings once for what it may have missed.
        assert ears.wait_for(1, 10)
        ears.heard = 0
    yield ears
    listener.stop()


def test_the_bell_rings_after_the_commit_and_not_before(ears: Ears) -> None:
    has_one = connection.vendor == "postgresql"
    with transaction.atomic():
        get_store().ring()
        assert not ears.wait_for(1, 0.2)
    assert ears.wait_for(1, 10 if has_one else 0.2) is has_one


def test_a_transaction_that_is_rolled_back_does_not_ring_the_bell(ears: Ears) -> None:
    with transaction.atomic():
        get_store().ring()
        transaction.set_rollback(True)
    assert not ears.wait_for(1, 0.2)


def test_the_bell_rings_again_after_a_long_silence(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_one = connection.vendor == "postgresql"
    monkeypatch.setattr("flows.store.bell.IDLE_SECONDS", 0.05)
    for count in (1, 2):
        get_store().ring()
        assert ears.wait_for(count, 10 if has_one else 0.1) is has_one
        until(lambda: bell._bell._thread is None, "the bell to take leave")
