"""Starts runs, a bounded number open at a time, and does for each what it needs to end."""

import heapq
import json
import queue
import random
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.storm.mix import Kind, kinds
from tests.chaos.storm.world import CLERKS, Database, World

Order = dict[str, Any]
LOOK_SECONDS = 0.3
ANSWER_SECONDS = 30.0


@dataclass
class Started:
    """A run that was asked for. ``acknowledged`` once the clerk has said that it is there."""

    kind: Kind
    input: dict[str, Any]
    asked_at: float
    acknowledged: bool = False


class Desk:
    """Orders for the clerks. Each is repeated until it is answered."""

    def __init__(self, folder: Path) -> None:
        self.orders: queue.Queue[Order] = queue.Queue()
        self.wrong: list[str] = []
        self.repeated = 0
        self.done: queue.Queue[Order] = queue.Queue()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(folder / f"clerk-{slot}.sock",), daemon=True)
            for slot in CLERKS
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(2)

    def _work(self, path: Path) -> None:
        while not self._stopped.is_set():
            try:
                order = self.orders.get(timeout=0.2)
            except queue.Empty:
                continue
            self._insist(path, order)

    def _insist(self, path: Path, order: Order) -> None:
        while not self._stopped.is_set():
            answer = self._ask(path, order)
            if answer is not None and "done" in answer:
                self.done.put(order)
                return
            if answer is not None and "wrong" in answer:
                self.wrong.append(answer["wrong"])
                return
            self.repeated += 1
            self._stopped.wait(0.1)

    def _ask(self, path: Path, order: Order) -> dict[str, Any] | None:
        """Return the clerk's answer, or None if it died over the question."""
        if self._socket(path) is None:
            return None
        with suppress(OSError, ValueError):
            lines = self._socket(path)
            assert lines is not None
            lines.write(json.dumps(order).encode() + b"\n")
            lines.flush()
            if line := lines.readline():
                answer: dict[str, Any] = json.loads(line)
                return answer
        self._local.lines = None
        return None

    _local = threading.local()

    def _socket(self, path: Path) -> Any:
        lines = getattr(self._local, "lines", None)
        if lines is None:
            with suppress(OSError):
                client = socket.socket(socket.AF_UNIX)
                client.settimeout(ANSWER_SECONDS)
                client.connect(str(path))
                lines = client.makefile("rwb")
            self._local.lines = lines
        return lines


@dataclass
class Load:
    """Keeps ``most_open`` runs under way until told to stop, and serves those that wait."""

    world: World
    seed: int
    most_open: int
    most_runs: int
    started: dict[str, Started] = field(default_factory=dict)
    open_runs: int = 0
    later: list[tuple[float, int, Order]] = field(default_factory=list)
    deciding: set[int] = field(default_factory=set)
    retried: set[str] = field(default_factory=set)
    starting: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.desk = Desk(self.world.folder)
        self.database = Database(self.world.postgres.url)
        chosen = [kind for kind in kinds(self.world.sink.host) if kind.weight > 0]
        self.kinds, self.weights = chosen, [kind.weight for kind in chosen]
        self._asked_since_look = 0
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        self.starting.set()
        self._thread.start()

    def stop(self) -> None:
        self.stopped.set()
        self._thread.join(5)
        self.desk.stop()

    def _work(self) -> None:
        looked_at = 0.0
        while not self.stopped.wait(0.02):
            if time.monotonic() - looked_at > LOOK_SECONDS:
                looked_at = time.monotonic()
                self._look()
            self._hear()
            while self.later and self.later[0][0] <= time.monotonic():
                self.desk.orders.put(heapq.heappop(self.later)[2])
            while self.starting.is_set() and self._has_room():
                self._start_some()

    def _has_room(self) -> bool:
        under_way = self.open_runs + self._asked_since_look
        return under_way < self.most_open and len(self.started) < self.most_runs

    def _look(self) -> None:
        with suppress(psycopg.Error):
            [(self.open_runs,)] = self.database.ask(
                "SELECT count(*) FROM flows_run WHERE status IN ('running', 'paused')"
                " AND parent_wait_id IS NULL"
            )
            self._asked_since_look = sum(
                not self.started[key].acknowledged for key in list(self.started)[-400:]
            )
            self._decide_cases()
            self._retry_innocents()

    def _retry_innocents(self) -> None:
        """Retry, as an operator would, what stood beside three deaths and was taken for poison."""
        failed = self.database.ask(
            "SELECT idempotency_key FROM flows_run WHERE status = 'failed'"
            " AND error->>'kind' = 'poison' AND parent_wait_id IS NULL"
        )
        for (key,) in failed:
            if key not in self.retried and not key.startswith("poison"):
                self.retried.add(key)
                self.desk.orders.put({"act": "retry", "key": key})

    def _decide_cases(self) -> None:
        waiting = self.database.ask("SELECT id, title FROM reviews_case WHERE state = 'open'")
        for case, key in waiting:
            if case not in self.deciding and key in self.started:
                self.deciding.add(case)
                outcome = self.started[key].input["decide"]
                order = {"act": "decide", "case": case, "outcome": outcome}
                self._do_later(self.chance.uniform(0, 1), order, commit_now=bool(case % 2))

    def _start_some(self) -> None:
        [kind] = self.chance.choices(self.kinds, self.weights)
        runs = []
        for _ in range(self.chance.choice([1, 1, 2, 4, 8]) if kind.weight >= 1 else 1):
            key = f"{kind.name}-{len(self.started)}"
            given = kind.input(self.chance, key)
            self.started[key] = Started(kind, given, time.time())
            runs.append((key, given))
        self._asked_since_look += len(runs)
        self.desk.orders.put({"act": "start", "flow": kind.name, "runs": runs})

    def _hear(self) -> None:
        """Note what the clerks have done, and see to what follows from it."""
        with suppress(queue.Empty):
            while True:
                order = self.desk.done.get_nowait()
                if order["act"] == "start":
                    for key, _ in order["runs"]:
                        self.started[key].acknowledged = True
                        self._serve(key)
                elif order["act"] == "pause" and order["paused"]:
                    self._do_later(self.chance.uniform(0.1, 2), {**order, "paused": False})

    def _serve(self, key: str) -> None:
        match self.started[key].kind.needs:
            case "event":
                event = {"act": "event", "name": "storm.happened", "key": key}
                self._do_later(self.chance.uniform(0, 2), event)
            case "cancel":
                self._do_later(self.chance.uniform(0.1, 2), {"act": "cancel", "key": key})
            case "pause":
                order = {"act": "pause", "key": key, "paused": True}
                self._do_later(self.chance.uniform(0, 0.1), order)

    def _do_later(self, seconds: float, order: Order, **more: Any) -> None:
        entry = (time.monotonic() + seconds, self.chance.getrandbits(48), {**order, **more})
        heapq.heappush(self.later, entry)
