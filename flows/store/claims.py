"""What both databases' claims share: reading a claimed row, and counting a suspect's death."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from flows.store.dialect import Dialect
from flows.store.rows import Claim

# Above what a smallint holds.
ANY_PRIORITY = 2**15


class ClaimStatements(Dialect):
    def _read_claim(self, token: Sequence[Any], run: Sequence[Any]) -> Claim:
        (
            token_id, run_id, step, fence, activation, attempt, priority, visits, since, pending,
            deaths,
        ) = token  # fmt: skip
        return Claim(
            token_id=token_id,
            run_id=run_id,
            version_id=run[1],
            step=step,
            fence=fence,
            activation=activation,
            attempt=attempt,
            priority=priority,
            visits=self.json_out(visits),
            since=self.time_out(since),
            run_started_at=self.time_out(run[2]),
            input=self.json_out(run[3]),
            parent_wait_id=run[4],
            pending=tuple(self.json_out(pending)),
            deaths=deaths,
        )

    def count_death_in_advance(self, claim: Claim) -> bool:
        """Count, before a suspect's call, the death that it may cause; False if the claim is lost.

        Whatever the call leads to other than a death takes the count back.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE flows_token SET deaths = %s
                WHERE id = %s AND fence = %s AND activation = %s AND state = 'running'""",
                [claim.deaths + 1, claim.token_id, claim.fence, claim.activation],
            )
            return bool(cursor.rowcount == 1)
