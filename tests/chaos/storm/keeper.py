"""Brings the dead back: notes what killed a process and what it held, and starts it again."""

import queue
import threading
import time
from collections import Counter
from contextlib import suppress

from tests.chaos.storm.recovery import Recovery
from tests.chaos.storm.steps import DEADLY_EXIT
from tests.chaos.storm.world import WORKERS, Database, End, Life, World


class Keeper:
    """Counts faults by kind, and deaths by commit point. ``crashes`` are deaths nobody asked for.

    ``late`` are those that come back only when their lease is over, with the time for it.
    """

    def __init__(self, world: World, recovery: Recovery) -> None:
        self.counts: Counter[str] = Counter()
        self.points: Counter[str] = Counter()
        self.crashes: list[str] = []
        self.late: list[tuple[float, Life]] = []
        self._nursery, self._recovery = world.nursery, recovery
        self._database = Database(world.postgres.url)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(10)

    def count(self, fault: str) -> None:
        self.counts[fault] += 1

    def _keep(self) -> None:
        while not self._stopped.is_set():
            with suppress(queue.Empty):
                self._ended(self._nursery.ends.get(timeout=0.1))
            for entry in [entry for entry in self.late if entry[0] <= time.monotonic()]:
                self.late.remove(entry)
                self._replace(entry[1])

    def _ended(self, end: End) -> None:
        life, fault = end.life, self._name(end)
        self.count(fault)
        if life.role == "worker" and fault != "worker rolled":
            # Before it is replaced: whoever starts takes over from the dead of its machine.
            held = self._recovery.held_by(life.worker_name, self._database)
            self._recovery.watch(fault, end.at, held)
        if life.restart_after:
            self.late.append((time.monotonic() + life.restart_after, life))
        else:
            self._replace(life)

    def _name(self, end: End) -> str:
        if end.fired:
            self.points[end.fired] += 1
            return f"{end.life.role} died at a commit point"
        if end.status == DEADLY_EXIT:
            return "worker killed by its step"
        if end.life.cause:
            return end.life.cause
        self.crashes.append(f"{end.life.role} {end.life.pid} ended with {end.status}")
        return "crash"

    def _replace(self, life: Life) -> None:
        code = life.code
        if life.cause == "worker rolled":
            lives = [self._nursery.lives[slot] for slot in WORKERS]
            code = "new" if any(other.code == "old" for other in lives) else "old"
        self._nursery.spawn(life.slot, life.role, code)
