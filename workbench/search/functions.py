"""The functions of SQL that searches call: ``fold_text`` and ``json_text``.

PostgreSQL has ``fold_text`` from a migration. SQLite calls Python, on each new connection.
"""

import json
from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import Func, TextField

from workbench.values.folding import fold


class JsonText(Func):
    """A JSON column as text, with each character as itself and not as an escape."""

    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s)::text", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="json_text", **context)


def escape_in_json(text: str) -> str:
    """Return the text as ``JsonText`` has it inside a string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def connect() -> None:
    connection_created.connect(_add_functions, dispatch_uid="search.functions")


def _add_functions(connection: Any, **_: Any) -> None:
    if connection.vendor == "sqlite":
        add = connection.connection.create_function
        add("fold_text", 1, _fold, deterministic=True)
        add("json_text", 1, _unescape, deterministic=True)


def _fold(text: Any) -> str | None:
    return None if text is None else fold(str(text))


def _unescape(text: str | None) -> str | None:
    if text is None or "\\u" not in text:
        return text
    return json.dumps(json.loads(text), ensure_ascii=False)
