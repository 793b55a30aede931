"""Send a request, see what it left behind, and undo it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, transaction

from flows.runtime.program import forget_programs
from flows.triggers import listening
from tests.integration.fuzz.doors import Door
from tests.integration.fuzz.world import World

REFUSED, SERVER_ERROR = 400, 500
# What a refused request may leave: the session of who asked, a trigger's list of its firings, which
# says why one was refused, and the ledger's entry of a wrong password.
MAY_GROW = {
    "": frozenset({"django_session", "usersessions_usersession"}),
    "hook": frozenset({"triggers_firing"}),
}
# What the API says of a value that the database refused, since no door had.
DOOR_FORGOT = "refused only by the database"


class _Kept(logging.Handler):
    """Keeps what is logged as an error or with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = logging.Formatter("%(name)s: %(message)s").format(record)
        if record.exc_info or DOOR_FORGOT in text or self._is_error(record):
            self.said.append(text[-1500:])

    @staticmethod
    def _is_error(record: logging.LogRecord) -> bool:
        # Django calls a foreign host and too many fields errors; they are the sender's.
        return record.levelno >= logging.ERROR and not record.name.startswith("django.security")


class Attempts:
    """Counts requests and collects what was wrong with any of them."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.seed = world, seed
        self.faults: list[str] = []
        self.count = 0
        self.counting = make_counting_query()
        self.before = self.count_rows()

    def count_rows(self) -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute(self.counting)
            return dict(cursor.fetchall())

    def send(
        self, door: Any, what: str, method: str, url: str, body: bytes | str = b"",
        content_type: str = "application/json", client: Any = None, **options: Any,
    ) -> Any:  # fmt: skip
        """Send it, note what is wrong with its answer, and roll back all that it did."""
        path, _, query = url.partition("?")
        options |= {"content_type": content_type, "QUERY_STRING": query}
        self.count += 1
        answer, faults = None, []
        with _heard() as said:
            try:
                with transaction.atomic():
                    answer = (client or self.world.client).generic(method, path, body, **options)
                    if getattr(answer, "streaming", False):
                        b"".join(answer.streaming_content)
                    faults = self._find_faults(str(door), answer)
                    transaction.set_rollback(True)
            except Exception as error:
                faults = [f"raised {error!r}"]
        forget_programs()
        listening.forget()
        self.faults += [
            f"{door} [{what}] {method} {url[:200]}: {fault}" for fault in (*said, *faults)
        ]
        return answer

    def revision_of(self, door: Door, url: str) -> dict[str, str]:
        """Return the header by which a request changes what is there now, where it is asked for."""
        if "If-Match" not in door.headers:
            return {}
        etag = self.world.client.get(url).headers.get("ETag", "*")
        return {"If-Match": etag}

    def _find_faults(self, door: str, answer: Any) -> list[str]:
        if answer.status_code >= SERVER_ERROR:
            return [f"answered {answer.status_code}"]
        if answer.status_code < REFUSED:
            return []
        after = self.count_rows()
        may_grow = MAY_GROW[""] | MAY_GROW.get(door, frozenset())
        grown = {
            table: after[table] - rows
            for table, rows in self.before.items()
            if after[table] != rows and table not in may_grow
        }
        return [f"answered {answer.status_code}, but kept {grown}"] if grown else []


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Collect what is logged as a fault while the block runs."""
    kept = _Kept()
    root = logging.getLogger()
    root.addHandler(kept)
    try:
        yield kept.said
    finally:
        root.removeHandler(kept)


def make_counting_query() -> str:
    models = apps.get_models(include_auto_created=True)
    tables = sorted(model._meta.db_table for model in models if model._meta.managed)
    return " UNION ALL ".join(f"SELECT '{name}', COUNT(*) FROM {name}" for name in tables)
