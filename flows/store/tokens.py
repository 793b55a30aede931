"""The statements on tokens: read, insert, update and delete them. The caller locks their runs."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from flows.store.dialect import Dialect, placeholders, split_rows
from flows.store.rows import TokenRow

COLUMNS = (
    "id, run_id, step, via, state, fence, activation, attempt, owner, priority, visits, since,"
    " pending"
)


class TokenStatements(Dialect):
    def list_tokens(self, run_ids: Iterable[int]) -> list[TokenRow]:
        """Return the tokens of the runs, in id order."""
        run_ids = list(run_ids)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {COLUMNS} FROM flows_token"
                f" WHERE run_id IN ({placeholders(run_ids)}) ORDER BY id",
                run_ids,
            )
            return [self._read_token(row) for row in cursor.fetchall()]

    def _read_token(self, row: Sequence[Any]) -> TokenRow:
        token = TokenRow(*self._convert(row, json=10, time=11))
        token.pending = tuple(self.json_out(token.pending))
        return token

    def update_token(self, token: TokenRow) -> None:
        """Write the whole row."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE flows_token SET step = %s, via = %s, state = %s, fence = %s,
                activation = %s, attempt = %s, owner = %s, visits = {self.json_param}, since = %s,
                pending = {self.json_param}, deaths = 0
                WHERE id = %s""",
                [
                    token.step,
                    token.via,
                    token.state,
                    token.fence,
                    token.activation,
                    token.attempt,
                    token.owner,
                    self.json_in(token.visits),
                    self.time_in(token.since),
                    self.json_in(token.pending),
                    token.id,
                ],
            )

    def insert_tokens(self, tokens: Sequence[TokenRow]) -> list[int]:
        """Insert the tokens in few statements; return their ids, in order."""
        ids: list[int] = []
        with connection.cursor() as cursor:
            for part in split_rows(tokens):
                values = f"""(%s, %s, %s, %s, %s, %s, %s, 0, %s, %s, {self.json_param}, %s,
                    {self.json_param})"""
                cursor.execute(
                    f"""INSERT INTO flows_token (run_id, step, via, state, fence, activation,
                    attempt, deaths, owner, priority, visits, since, pending)
                    VALUES {", ".join([values] * len(part))} RETURNING id""",
                    [value for token in part for value in self._token_values(token)],
                )
                ids.extend(sorted(row[0] for row in cursor.fetchall()))
        return ids

    def _token_values(self, token: TokenRow) -> list[Any]:
        return [
            token.run_id,
            token.step,
            token.via,
            token.state,
            token.fence,
            token.activation,
            token.attempt,
            token.owner,
            token.priority,
            self.json_in(token.visits),
            self.time_in(token.since),
            self.json_in(token.pending),
        ]

    def delete_tokens(self, token_ids: Sequence[int]) -> None:
        """Delete tokens and the timers that would have moved them."""
        with connection.cursor() as cursor:
            for part in split_rows(token_ids):
                marks = placeholders(part)
                cursor.execute(f"DELETE FROM flows_timer WHERE token_id IN ({marks})", part)
                cursor.execute(f"DELETE FROM flows_token WHERE id IN ({marks})", part)
