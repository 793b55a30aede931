"""How long what a fault hit stood still: until the last of it moved or was claimed anew."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from tests.chaos.storm.world import Database

LOOK_SECONDS = 0.05
# Measured beside the faults: the same where nothing is broken, and how long the database was away.
CONTROL, OUTAGE = "control: no fault", "of it, PostgreSQL's own outage"
# A token: id, fence, activation.
Held = tuple[int, int, int]
HELD_BY = (
    "SELECT id, fence, activation FROM flows_token WHERE owner = %s AND state = 'running'"
)  # fmt: skip
UNDER_WAY = (
    "SELECT id, fence, activation FROM flows_token WHERE state IN ('running', 'ready') LIMIT 300"
)


@dataclass
class Watch:
    """What one fault hit and has not moved since. ``jobs`` are rows of the outbox."""

    fault: str
    at: float
    tokens: dict[int, Held] = field(default_factory=dict)
    jobs: set[int] = field(default_factory=set)
    note: str = ""


@dataclass
class Recovered:
    fault: str
    at: float
    seconds: float
    note: str = ""


class Recovery:
    """Looks at what faults hit, twenty times a second."""

    def __init__(self, database_url: str) -> None:
        self._database = Database(database_url)
        self._watches: list[Watch] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.recovered: list[Recovered] = []
        self.workers: dict[str, int] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(5)

    @property
    def pending(self) -> list[Watch]:
        with self._lock:
            return list(self._watches)

    def held_by(self, worker_name: str, database: Database) -> list[Held]:
        """Return what the worker drives, as far as the database can be asked. One query."""
        worker_id = self.workers.get(worker_name)
        if worker_id is None:
            return []
        try:
            return [(row[0], row[1], row[2]) for row in database.ask(HELD_BY, worker_id)]
        except psycopg.Error:
            return []

    def watch(
        self, fault: str, at: float, tokens: Sequence[Held], jobs: Sequence[int] = ()
    ) -> None:
        """Follow these until they have moved. Nothing hit, nothing to measure."""
        if tokens or jobs:
            with self._lock:
                held = {token[0]: token for token in tokens}
                self._watches.append(Watch(fault, at, held, set(jobs)))

    def note(self, what: str, since: float) -> None:
        """Keep a time that was not watched for."""
        self.recovered.append(Recovered(what, since, time.time() - since))

    def _work(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            with suppress(psycopg.Error):
                self._look()

    def _look(self) -> None:
        names = self._database.ask("SELECT name, id FROM flows_worker")
        self.workers.update(names)
        watches = self.pending
        if not watches:
            return
        at = time.time()
        ids = list({token for watch in watches for token in watch.tokens})
        rows = self._database.ask(
            "SELECT id, fence, activation, state FROM flows_token WHERE id = ANY(%s)", ids
        )
        tokens = {row[0]: row[1:] for row in rows}
        jobs_left = {row[0] for row in self._database.ask("SELECT id FROM dispatch_outbox")}
        for watch in watches:
            self._settle(watch, tokens, jobs_left, at)

    def _settle(
        self, watch: Watch, tokens: dict[int, tuple[int, int, str]], jobs: set[int], at: float
    ) -> None:
        watch.tokens = {
            id_: held
            for id_, held in watch.tokens.items()
            if (now := tokens.get(id_)) is not None and stands_still(held, *now)
        }
        watch.jobs &= jobs
        if not watch.tokens and not watch.jobs:
            with self._lock:
                self._watches.remove(watch)
            self.recovered.append(Recovered(watch.fault, watch.at, at - watch.at))


def stands_still(held: Held, fence: int, activation: int, state: str) -> bool:
    """Say whether a token is where the fault found it, and nobody has it anew."""
    _, old_fence, old_activation = held
    if activation != old_activation or state not in {"ready", "running"}:
        return False
    return fence == old_fence or state == "ready"
