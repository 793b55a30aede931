"""The store: all SQL of the engine's hot path, for whichever database is in use.

Statements that both databases understand stand in a module for each concern (claims, runs, tokens,
journal, waits, timers, workers). ``Store`` brings them together and declares what PostgresStore and
SqliteStore each do in their own way.

Every method works on Django's connection of the calling thread. The lock order everywhere is: run
rows by id, then whatever belongs to them. The run row is the lock of all its tokens, except that a
claim takes a ready token alone and skips what is locked.
"""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from flows.engine.position import TokenView
from flows.store.claims import ClaimStatements
from flows.store.rows import Claim, Hop, Json, Move, NewRunRow, OpenWait, RunWrites
from flows.store.timers import TimerStatements
from flows.store.waits import WaitStatements
from flows.store.workers import WorkerStatements


class Store(ClaimStatements, TimerStatements, WaitStatements, WorkerStatements):
    """What the engine asks of the database."""

    # Whether ``ring`` wakes drivers in other processes.
    rings_other_processes: ClassVar[bool]

    # --- Starting runs --------------------------------------------------------------------

    @abstractmethod
    def start_runs(
        self,
        runs: Sequence[NewRunRow],
        placed: Sequence[TokenView],
        *,
        data: Json,
        now: datetime,
    ) -> None:
        """Give each run a token for each of ``placed`` and its first journal row, with ``data``."""

    # --- Driving steps --------------------------------------------------------------------

    @abstractmethod
    def claim(
        self, *, worker_id: int, limit: int, now: datetime, below: int | None = None
    ) -> list[Claim]:
        """Take up to ``limit`` ready tokens for the worker, by priority and age.

        With ``below`` only those whose priority is a lower number.
        """

    @abstractmethod
    def commit_moves(self, moves: Sequence[Move]) -> list[str]:
        """Write the moves whose token is still held; return each token's new state, "" if refused.

        Call inside a transaction. A state other than ``running`` means: stop driving it (the run
        is paused, or the token's path ended: ``ended``).
        """

    @abstractmethod
    def write_runs(self, writes: RunWrites) -> None:
        """Write all of it in as few statements as can be. The caller holds the runs' locks."""

    # --- Waits that only move their run to the next step ----------------------------------

    @abstractmethod
    def lock_open_wait(self, wait_id: int) -> OpenWait | None:
        """Lock the run of an open wait and return the wait, as ``list_open_waits`` finds it.

        Return None if the wait is closed or its token has a compensation to go to.
        """

    @abstractmethod
    def resolve_waits(
        self,
        waits: Sequence[OpenWait],
        hop: Hop,
        *,
        output: Json,
        now: datetime,
        provenance: Json = None,
    ) -> int:
        """Close the waits, journal their steps as finished, and put each token on the next step.

        Takes as many statements for five hundred waits as for one, and at most one wait of each
        run. The caller holds the locks of the runs. Return how many were still there to be closed.
        """

    # --- Between transactions and processes -----------------------------------------------

    @abstractmethod
    def lock_key(self, key: str) -> None:
        """Make others that lock the same key wait until the end of this transaction."""

    @abstractmethod
    def ring(self) -> None:
        """Wake drivers in other processes once this transaction is committed."""
