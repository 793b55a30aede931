"""The faults."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
import redis

from tests.chaos.storm.failpoints import CLERK_POINTS, CLOCK_POINTS, POINTS, WORKER_POINTS
from tests.chaos.storm.keeper import Keeper
from tests.chaos.storm.recovery import CONTROL, HELD_BY, OUTAGE, UNDER_WAY, Recovery
from tests.chaos.storm.world import CLERKS, CLOCKS, WORKERS, Database, Life, World

# A worker silent for 8 s is taken for dead: stopped for longer, it comes back to what it has lost.
STOP_SECONDS = (9.5, 12.0)
LATE_RESTART_SECONDS = 12.0
DATABASE_KILLS_APART = (5.0, 40.0)
# Seconds by which a clock is found to be off.
JUMPS = (-86_400, -3_600, -30, -5, 5, 30, 3_600, 86_400)
WORKERS_SHARE = 0.67
ARMED_SECONDS = 4.0
VISIT_SECONDS = 15.0


@dataclass
class Faults:
    """Does harm at random, ``a_second`` times a second on average."""

    world: World
    keeper: Keeper
    recovery: Recovery
    seed: int
    a_second: float
    every_point: bool = False
    unreached: list[str] = field(default_factory=list)
    visited: threading.Event = field(default_factory=threading.Event)
    doing_harm: threading.Event = field(default_factory=threading.Event)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed + 1)
        self.nursery = self.world.nursery
        self.control = self.world.control
        self._ask = Database(self.world.postgres.url)
        self._busy: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._do_harm, daemon=True)
        self._harms: tuple[tuple[Callable[[], bool], float], ...] = (
            (self.kill_worker, 18),
            (self.kill_late, 1),
            (self.kill_plain_worker, 1),
            (self.arm_worker, 30),
            (self.arm_clock, 8),
            (self.arm_clerk, 6),
            (self.kill_clock, 3),
            (self.stop_worker, 3),
            (self.flush_redis, 8),
            (self.kill_redis, 3),
            (self.cut_database, 4),
            (self.lose_answers, 6),
            (self.stall_database, 1),
            (self.cut_redis, 3),
            (self.jump_clock, 4),
            (self.roll_worker, 4),
            (self.do_nothing, 4),
        )

    def start(self) -> None:
        self.doing_harm.set()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in [self._thread, *self._busy.values()]:
            thread.join(10)

    def heal(self) -> None:
        """Do no more harm, and undo what lasts."""
        self.doing_harm.clear()
        for thread in list(self._busy.values()):
            thread.join(30)
        for life in self.nursery.lives.values():
            self.control.arm(life.slot, 0)

    # --- When ---

    def _do_harm(self) -> None:
        if self.every_point:
            self._visit_points()
        self.visited.set()
        harms, weights = zip(*self._harms, strict=True)
        next_database = time.monotonic() + self.chance.uniform(*DATABASE_KILLS_APART)
        while not self._stopped.wait(self.chance.expovariate(self.a_second)):
            if not self.doing_harm.is_set():
                continue
            if time.monotonic() >= next_database:
                self._aside("database", self._restart_database)
                next_database = time.monotonic() + self.chance.uniform(*DATABASE_KILLS_APART)
            while not self.chance.choices(harms, weights)[0]():
                time.sleep(0.01)

    def _aside(self, name: str, act: Callable[[], None]) -> bool:
        """Do something that takes a while beside the rest; not twice at a time."""
        running = self._busy.get(name)
        if running is not None and running.is_alive():
            return False
        self._busy[name] = threading.Thread(target=act, daemon=True)
        self._busy[name].start()
        return True

    def _pick(self, slots: range, role: str) -> Life | None:
        lives = [self.nursery.lives[slot] for slot in slots]
        ready = [life for life in lives if life.role == role and not life.cause]
        return self.chance.choice(ready) if ready else None

    # --- Processes ---

    def _end(self, life: Life | None, cause: str) -> bool:
        if life is None:
            return False
        life.cause = cause
        with suppress(ProcessLookupError):
            os.kill(life.pid, signal.SIGKILL)
        return True

    def kill_worker(self) -> bool:
        return self._end(self._pick(WORKERS, "worker"), "worker killed")

    def kill_late(self) -> bool:
        """Kill a worker and bring it back only when its lease is over."""
        if self.keeper.late or any(life.stopped for life in self.nursery.lives.values()):
            return False
        life = self._pick(WORKERS, "worker")
        if life is not None:
            life.restart_after = LATE_RESTART_SECONDS
        return self._end(life, "worker killed, not replaced")

    def kill_clock(self) -> bool:
        return self._end(self._pick(CLOCKS, "clock"), "clock killed")

    def kill_plain_worker(self) -> bool:
        def restart() -> None:
            plain = self.world.plain_worker
            assert plain is not None
            forked = {life.worker_name for life in self.nursery.lives.values()}
            names = self._ask.insist("SELECT name, id FROM flows_worker")
            mine = [id_ for name, id_ in names if name not in forked]
            plain.kill()
            at = time.time()
            self.keeper.count("worker killed with its master")
            held = [row for id_ in mine for row in self._ask.insist(HELD_BY, id_)]
            self.recovery.watch("worker killed with its master", at, held)
            self.world.start_plain_worker()

        return self._aside("plain worker", restart)

    def stop_worker(self) -> bool:
        """SIGSTOP for longer than the lease, then SIGCONT."""
        if self.keeper.late:
            return False
        life = self._pick(WORKERS, "worker")
        if life is None or life.worker_name not in self.recovery.workers:
            return False
        stopped = life

        def freeze() -> None:
            stopped.stopped, stopped.cause = True, "worker stopped"
            os.kill(stopped.pid, signal.SIGSTOP)
            at = time.time()
            self.keeper.count("worker stopped past its lease")
            held = self.recovery.held_by(stopped.worker_name, Database(self.world.postgres.url))
            self.recovery.watch("worker stopped past its lease", at, held)
            self._stopped.wait(self.chance.uniform(*STOP_SECONDS))
            with suppress(ProcessLookupError):
                os.kill(stopped.pid, signal.SIGCONT)
            stopped.stopped, stopped.cause = False, ""

        return self._aside("stopped worker", freeze)

    def roll_worker(self) -> bool:
        """Replace a worker by one with the other code, gently, as a deployment does."""
        life = self._pick(WORKERS, "worker")
        if life is None:
            return False
        life.cause = "worker rolled"
        with suppress(ProcessLookupError):
            os.kill(life.pid, signal.SIGTERM)
        return True

    def jump_clock(self) -> bool:
        is_worker = self.chance.random() < WORKERS_SHARE
        life = self._pick(WORKERS, "worker") if is_worker else self._pick(CLOCKS, "clock")
        if life is None:
            return False
        self.control.shift(life.slot, self.chance.choice(JUMPS))
        self.keeper.count(f"{life.role}'s clock jumped")
        return True

    # --- Commit points ---

    def _visit_points(self) -> None:
        """Let a process die at each commit point, one after the other."""
        everything = (
            (WORKERS, "worker", WORKER_POINTS),
            (CLERKS, "clerk", CLERK_POINTS),
            (CLOCKS, "clock", CLOCK_POINTS),
        )
        for slots, role, points in everything:
            for point in points:
                self._visit(slots, role, point)
                if not self.keeper.points[point]:
                    self.unreached.append(point)

    def _visit(self, slots: range, role: str, point: str) -> None:
        deadline, index = time.monotonic() + VISIT_SECONDS, POINTS.index(point)
        while not self.keeper.points[point] and time.monotonic() < deadline:
            for slot in slots:
                # Whoever comes by first; the next to be there are armed in turn.
                if self.nursery.lives[slot].role == role and not self.control.armed(slot):
                    self.control.arm(slot, index)
            if self._stopped.wait(0.02):
                return
        for slot in slots:
            if self.control.armed(slot) == index:
                self.control.arm(slot, 0)

    def _arm(self, slots: range, role: str, points: tuple[str, ...]) -> bool:
        life = self._pick(slots, role)
        if life is None or self.control.armed(life.slot):
            return False
        point, armed = POINTS.index(self.chance.choice(points)), life

        def disarm() -> None:
            self._stopped.wait(ARMED_SECONDS)
            if self.nursery.lives[armed.slot] is armed and self.control.armed(armed.slot) == point:
                self.control.arm(armed.slot, 0)

        self.control.arm(life.slot, point)
        threading.Thread(target=disarm, daemon=True).start()
        return True

    def arm_worker(self) -> bool:
        return self._arm(WORKERS, "worker", WORKER_POINTS)

    def arm_clock(self) -> bool:
        return self._arm(CLOCKS, "clock", CLOCK_POINTS)

    def arm_clerk(self) -> bool:
        return self._arm(CLERKS, "clerk", CLERK_POINTS)

    # --- Redis ---

    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.world.redis.url, socket_timeout=2)

    def flush_redis(self) -> bool:
        try:
            jobs = self._due_jobs()
            self._redis().flushall()
        except (redis.RedisError, psycopg.Error):
            return False
        self.keeper.count("Redis flushed")
        self.recovery.watch("Redis flushed", time.time(), [], jobs)
        return True

    def kill_redis(self) -> bool:
        def restart() -> None:
            self.world.redis.kill()
            at = time.time()
            self.keeper.count("Redis killed")
            with suppress(psycopg.Error):
                self.recovery.watch("Redis killed", at, [], self._due_jobs())
            self._stopped.wait(self.chance.uniform(0.1, 2))
            self.world.redis.start()

        return self._aside("redis", restart)

    def cut_redis(self) -> bool:
        self.world.redis_proxy.cut()
        self.keeper.count("connections to Redis cut")
        return True

    def _due_jobs(self) -> list[int]:
        rows = self._ask.ask("SELECT id FROM dispatch_outbox WHERE due_at <= now()")
        return [row[0] for row in rows]

    # --- PostgreSQL ---

    def _restart_database(self) -> None:
        ask = Database(self.world.postgres.url)
        under_way = ask.insist(UNDER_WAY)
        self.world.postgres.kill()
        at = time.time()
        self.keeper.count("PostgreSQL killed")
        self.recovery.watch("PostgreSQL killed", at, under_way)
        self._restart_in_a_while()
        ask.insist("SELECT 1")
        self.recovery.note(OUTAGE, at)

    def _restart_in_a_while(self) -> None:
        self._stopped.wait(self.chance.uniform(0, 1))
        for _ in range(50):
            try:
                self.world.postgres.start()
            except Exception:
                time.sleep(0.2)
            else:
                return

    def _at_database(self, name: str, act: Callable[[], None]) -> bool:
        try:
            under_way = self._ask.ask(UNDER_WAY)
        except psycopg.Error:
            return False
        act()
        self.keeper.count(name)
        self.recovery.watch(name, time.time(), under_way)
        return True

    def do_nothing(self) -> bool:
        """Measure, for comparison, how long what is under way takes where nothing is broken."""
        with suppress(psycopg.Error):
            self.recovery.watch(CONTROL, time.time(), self._ask.ask(UNDER_WAY))
        return True

    def cut_database(self) -> bool:
        return self._at_database("connections to PostgreSQL cut", self.world.postgres_proxy.cut)

    def lose_answers(self) -> bool:
        return self._at_database(
            "PostgreSQL's answers lost", self.world.postgres_proxy.lose_answers
        )

    def stall_database(self) -> bool:
        seconds = self.chance.uniform(0.5, 3)
        return self._at_database(
            "PostgreSQL stalled", lambda: self.world.postgres_proxy.stall(seconds)
        )
