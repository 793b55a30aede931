"""The servers of a sitting: a PostgreSQL with fsync on and a Redis, private and on loopback."""

import base64
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests import servers


@dataclass(slots=True)
class Servers:
    """Where the servers are, and a folder for the files and logs of the measured processes."""

    database_server: str
    redis_url: str
    folder: Path
    # One for all databases: a copy has blocks that the original's key signed.
    ledger_key: str = field(default_factory=lambda: base64.b64encode(os.urandom(32)).decode())
    _made: set[str] = field(default_factory=set)

    def database(self, name: str) -> tuple[str, bool]:
        """Return the URL of a database, and whether this call has made it."""
        fresh = name not in self._made
        if fresh:
            self.execute(f'CREATE DATABASE "{name}"')
            self._made.add(name)
        return f"{self.database_server}/{name}", fresh

    def copy_database(self, original: str, name: str) -> None:
        """Replace ``name`` by a copy of a database to which nobody is connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}"')
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"')
        self._made.add(name)

    def set(self, name: str, value: str | None) -> None:
        """Set one of PostgreSQL's settings, or with None reset it to its default."""
        self.execute(
            f"ALTER SYSTEM SET {name} = '{value}'" if value else f"ALTER SYSTEM RESET {name}"
        )
        self.execute("SELECT pg_reload_conf()")

    def execute(self, sql: str, database: str = "postgres") -> list[Any]:
        url = f"{self.database_server}/{database}"
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def start_servers() -> Iterator[Servers]:
    """Start the servers, and stop them when the block ends."""
    with (
        servers.postgresql(durable=True) as database_url,
        servers.redis_server() as redis_url,
        servers.private_folder() as folder,
    ):
        yield Servers(database_url.rpartition("/")[0], redis_url + "/0", folder)
