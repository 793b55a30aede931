"""The driver of a worker process: an asyncio loop of riders, one for each token it holds.

A rider drives its token from step to step until the path ends, waits or is taken away. Blocking
step code runs in threads. What finishes goes to the committer. Doorbells, or a look each second,
bring new tokens; the database hands each to one driver only.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection, connections, transaction

from flows.engine.lanes import Lane, Room, lane_of, room_for
from flows.resilience import gate
from flows.runtime.actions import Defer, Finish, Leave
from flows.runtime.clock import take_over_from_dead_processes
from flows.runtime.committer import Committer
from flows.runtime.execution import Drive, Memory, next_code_check
from flows.runtime.listener import Listener
from flows.runtime.pressure import riders_allowed
from flows.runtime.program import cached_program, load_program
from flows.runtime.step_pool import StepPool
from flows.runtime.transitions import defer_claim
from flows.steps.registry import UnknownStepType
from flows.store import doorbell, get_store
from flows.store.rows import Claim
from workbench.dispatch import agreed_time
from workbench.dispatch.delivery import process_name
from workbench.dispatch.outage import is_away, outage
from workbench.dispatch.patience import retry_while_away
from workbench.live import nudge

logger = logging.getLogger(__name__)

RIDERS = settings.WORKER_RIDERS
STEP_THREADS = settings.WORKER_STEP_THREADS
LOOK_SECONDS = 1.0
BEAT_SECONDS = 1.5
# While the database is away: once it is back, a lease has not long to run.
BEAT_AGAIN_SECONDS = 0.25
NUDGE_SECONDS = 0.1
HEARTBEAT = "the heartbeat"
DRAIN_SECONDS = 10.0
# A suspect begins alone; when it is still under way after so long, the next one may begin. The
# second time, when one more death makes it a dead letter, it runs alone for longer.
ALONE_SECONDS = 2.0
LAST_ALONE_SECONDS = 30.0


class Driver:
    """Drives the tokens that this process claims. There is one in a process."""

    def __init__(self, *, riders: int = RIDERS, step_threads: int = STEP_THREADS) -> None:
        self.worker_id = 0
        self._most_riders = riders
        self._riding: dict[int, Claim] = {}
        self._lost: set[int] = set()
        self._riderless: dict[int, int] = {}
        self._changed: dict[int, None] = {}
        self._alone = asyncio.Lock()
        self._draining = False
        self._stopped = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        # Blocking code of one lane must not take the threads of another.
        self._steps = {
            Lane.INTERACTIVE: StepPool(self._loop, max(1, step_threads // 4), name="urgent"),
            Lane.STANDARD: StepPool(self._loop, step_threads),
            Lane.BULK: StepPool(self._loop, max(1, step_threads // 2), name="bulk"),
        }
        # Claims and outputs must never queue behind blocking step code.
        self._reads = StepPool(self._loop, 2, name="read", patience_seconds=0)
        self._committer = Committer(self._loop, lambda: self.worker_id, self._note_changed_runs)
        self._listener = Listener(self.ring)
        self._threads = [
            threading.Thread(target=self._run_loop, name="driver", daemon=True),
            threading.Thread(target=self._keep_beating, name="beat", daemon=True),
        ]

    # --- Life ---

    def start(self) -> None:
        try:
            with outage.watch(HEARTBEAT):
                agreed_time.ask_database()
                take_over_from_dead_processes(agreed_time.now())
                self._register()
        except Exception as error:
            if not is_away(error):
                raise
            # The first beat that finds it registers; nothing is claimed before.
            connection.close()
        doorbell.add_listener(self.ring)
        for pool in self._steps.values():
            pool.start()
        self._reads.start()
        self._committer.start()
        self._listener.start()
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_seconds: float = DRAIN_SECONDS) -> None:
        """Claim nothing more, let riders finish their step, hand back what is left."""
        if self._loop.is_closed():
            return
        deadline = time.monotonic() + timeout_seconds
        self._draining = True
        doorbell.remove_listener(self.ring)
        self._listener.stop()
        while self._riding and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stopped.set()
        self.ring()
        for thread in self._threads:
            thread.join(2)
        self._committer.stop(max(0.5, deadline - time.monotonic()))
        self._hand_back()
        for pool in self._steps.values():
            pool.stop()
        self._reads.stop()
        self._loop.close()
        agreed_time.use_own_clock()

    def ring(self) -> None:
        """Have the loop look for ready tokens. May be called from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:
            logger.debug("Rung after the loop was closed")

    def _register(self) -> None:
        self.worker_id = get_store().register_worker(process_name(), agreed_time.now())

    def _hand_back(self) -> None:
        try:
            store = get_store()
            with transaction.atomic():
                if store.release(store.list_held_tokens(self.worker_id)):
                    store.ring()
                store.remove_worker(self.worker_id)
        except Exception:
            # The clock does it when the lease runs out.
            logger.warning(
                "Could not hand back what worker %s holds", self.worker_id, exc_info=True
            )

    # --- The loop ---

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._dispatch())
        finally:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))

    async def _dispatch(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            may_claim = self.worker_id and not self._draining
            if may_claim and await self._claim_some():
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue

    async def _claim_some(self) -> bool:
        """Claim tokens for the free riders; return whether there may be more to claim."""
        most = riders_allowed(self._most_riders, self._committer.pace.slowest_seconds())
        room = room_for(most, (claim.priority for claim in self._riding.values()))
        if room.tokens == 0:
            return False
        try:
            claims = await self._reads.submit(self._claim, room)
        except Exception as error:
            if not is_away(error):
                logger.warning("Could not claim, trying again", exc_info=True)
            await asyncio.sleep(LOOK_SECONDS / 2)
            return True
        for claim in claims:
            self._riding[claim.token_id] = claim
            self._loop.create_task(self._ride(claim))
        return len(claims) == room.tokens

    def _claim(self, room: Room) -> list[Claim]:
        try:
            with outage.watch("the claiming of steps"):
                close_old_connections()
                claims = get_store().claim(
                    worker_id=self.worker_id,
                    limit=room.tokens,
                    now=agreed_time.now(),
                    below=room.below,
                )
        except Exception:
            connection.close()
            raise
        for version_id in {claim.version_id for claim in claims}:
            if cached_program(version_id) is None:
                self._load_program(version_id)
        return claims

    def _load_program(self, version_id: int) -> None:
        try:
            load_program(version_id)
        except Exception as error:
            if is_away(error):
                connection.close()
                return  # its rider loads it again
            # A newer flow may use a step type that this worker lacks; the rider defers the token.
            logger.warning("Version %s cannot be run here", version_id, exc_info=True)

    # --- Riders ---

    async def _ride(self, claim: Claim) -> None:
        token_id, memory = claim.token_id, Memory()
        try:
            following: Claim | None = claim
            while following is not None:
                claim = following
                self._riding[claim.token_id] = self._riding.pop(token_id, claim)
                token_id = claim.token_id
                following = await self._drive(claim, memory)
                if self._draining:
                    break
        except Exception:
            logger.exception("The rider of run %s stopped", claim.run_id)
        finally:
            self._riding.pop(token_id, None)
            self._lost.discard(token_id)
            self._wake.set()

    async def _drive(self, claim: Claim, memory: Memory) -> Claim | None:
        if not claim.deaths:
            return await self._drive_step(claim, memory)
        # A worker died while it held this token and others. Suspects are called one at a time, so
        # that the step that kills its worker is told from those that the worker also held.
        async with self._alone:
            if not await self._reads.submit(retry_while_away, self._count_death_in_advance, claim):
                return None
            driving = asyncio.ensure_future(self._drive_step(claim, memory))
            seconds = ALONE_SECONDS if claim.deaths == 1 else LAST_ALONE_SECONDS
            await asyncio.wait({driving}, timeout=seconds)
        return await driving

    @staticmethod
    def _count_death_in_advance(claim: Claim) -> bool:
        return get_store().count_death_in_advance(claim)

    async def _drive_step(self, claim: Claim, memory: Memory) -> Claim | None:
        program = cached_program(claim.version_id)
        if program is None:
            try:
                program = await self._reads.submit(retry_while_away, load_program, claim.version_id)
            except UnknownStepType as unknown:
                await self._reads.submit(retry_while_away, _defer_unknown_type, claim, unknown)
                return None
        began_at = agreed_time.now()
        pool = self._steps[lane_of(claim.priority)]
        drive = Drive(claim, program, memory, pool, lambda: claim.token_id in self._lost)
        action = await drive.run()
        finish = Finish(claim, program, action, began_at, agreed_time.now(), drive.payments)
        following = await self._committer.submit(finish)
        if drive.ticket is not None and drive.ticket.holds_slots:
            await self._reads.submit(gate.release, drive.ticket)
        if isinstance(action, Leave):
            memory.add_stored(claim.step, action.output, ",".join(action.ports))
            if any(program.graph.rework.matters(claim.step, port) for port in action.ports):
                # It may have come back to people instead of leaving by its port.
                memory.known.discard(claim.step)
        changed_token = following is not None and following.token_id != claim.token_id
        if changed_token or program.graph.joins or program.graph.turns:
            memory.forget()
        return following

    def _note_changed_runs(self, items: Sequence[Finish]) -> None:
        for item in items:
            self._changed[item.claim.run_id] = None

    # --- Beat ---

    def _keep_beating(self) -> None:
        next_beat = 0.0
        while not self._stopped.wait(NUDGE_SECONDS):
            self._flush_nudges()
            if time.monotonic() >= next_beat:
                beaten = self._beat()
                next_beat = time.monotonic() + (BEAT_SECONDS if beaten else BEAT_AGAIN_SECONDS)
        self._flush_nudges()
        connections.close_all()

    def _flush_nudges(self) -> None:
        changed, self._changed = self._changed, {}
        if changed:
            nudge([*(f"run.{run_id}" for run_id in changed), "runs"], {"runs": len(changed)})

    def _beat(self) -> bool:
        """Renew the lease; return False if the database is away."""
        try:
            with outage.watch(HEARTBEAT):
                self._renew_lease()
        except Exception as error:
            if not is_away(error):
                logger.warning("No heartbeat, trying again", exc_info=True)
            connection.close()
            return False
        return True

    def _renew_lease(self) -> None:
        close_old_connections()
        agreed_time.ask_database()
        store = get_store()
        alive = store.beat(
            self.worker_id,
            riders=len(self._riding),
            draining=self._draining,
            now=agreed_time.now(),
        )
        # Read in this order: what is ridden now was claimed, and committed, before the look.
        riding = set(self._riding)
        if alive:
            self._reconcile(riding, store.list_held_tokens(self.worker_id))
        else:
            # Stopped for longer than the lease: the riders' fences are old, all are refused.
            self._lost.update(self._riding)
            self._register()

    def _reconcile(self, riding: set[int], held: dict[int, int]) -> None:
        """Compare the tokens that the database says we hold with those that have a rider here.

        The step of a token that was cancelled or taken away is told so. A token that had no rider
        at this beat and the last (its commit was written and the answer lost) is released.
        """
        self._lost.update(riding - held.keys())
        self._lost &= self._riding.keys()
        riderless = {t: fence for t, fence in held.items() if t not in self._riding}
        stale = {t: fence for t, fence in riderless.items() if self._riderless.get(t) == fence}
        self._riderless = riderless
        if stale:
            with transaction.atomic():
                get_store().release(stale)
                get_store().ring()
            self.ring()


def _defer_unknown_type(claim: Claim, unknown: UnknownStepType) -> None:
    """Put a claim off for a worker that has the step type."""
    now = agreed_time.now()
    why = f"This worker has no step type {unknown.args[0]!r}."
    action = Defer(next_code_check(claim, now), f"code:{unknown.args[0]}"[:200], why)
    defer_claim(claim=claim, action=action, now=now)


_driver: Driver | None = None


def start_driver(**options: Any) -> None:
    """Start this process's driver."""
    global _driver  # noqa: PLW0603 - one a process, as its threads are
    if _driver is None:
        _driver = Driver(**options)
        _driver.start()


def stop_driver(timeout_seconds: float = DRAIN_SECONDS) -> None:
    """Drain and stop it; what does not finish in time is handed back."""
    global _driver  # noqa: PLW0603
    if _driver is not None:
        _driver.stop(timeout_seconds)
        _driver = None
