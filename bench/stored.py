"""Fill a database by SQL with copies of real runs and of all their rows.

A million runs would take an hour to run; what matters is their rows, in every table and index that
a run adds to: run, journal and ledger, and for a run that waits its token, wait and timer.
"""

import psycopg
from psycopg import sql

# One row for each copy to be made: the ids of its originals, and the new ids.
_COPIES = """
CREATE TEMPORARY TABLE copied AS
SELECT r.id AS run, nextval(pg_get_serial_sequence('flows_run', 'id')) AS new_run,
    t.id AS token, nextval(pg_get_serial_sequence('flows_token', 'id')) AS new_token,
    w.id AS wait, nextval(pg_get_serial_sequence('flows_wait', 'id')) AS new_wait,
    e.id AS entry, nextval(pg_get_serial_sequence('audit_entry', 'id')) AS new_entry
FROM generate_series(1, %(copies)s) n
CROSS JOIN (SELECT id FROM flows_run ORDER BY id DESC LIMIT %(originals)s) r
LEFT JOIN flows_token t ON t.run_id = r.id
LEFT JOIN flows_wait w ON w.run_id = r.id AND w.state = 'open'
JOIN audit_entry e ON e.subject_kind = 'run' AND e.subject_id = r.id::text
LIMIT %(rows)s
"""
# For each table: how its rows are found, and the columns in which a copy differs from its original.
# Each copy starts half a minute after the one before it.
_TABLES = [
    (
        "flows_run",
        "id = copied.run",
        {
            "id": "new_run",
            "started_at": "started_at - (last - new_run) * interval '30 seconds'",
            "finished_at": "finished_at - (last - new_run) * interval '30 seconds'",
        },
    ),
    ("flows_journal", "run_id = copied.run", {"run_id": "new_run", "token_id": "new_token"}),
    ("flows_token", "id = copied.token", {"id": "new_token", "run_id": "new_run"}),
    (
        "flows_wait",
        "id = copied.wait",
        {"id": "new_wait", "run_id": "new_run", "token_id": "new_token"},
    ),
    (
        "flows_timer",
        "token_id = copied.token",
        {
            "id": "nextval(pg_get_serial_sequence('flows_timer', 'id'))",
            "run_id": "new_run",
            "token_id": "new_token",
        },
    ),
    ("audit_entry", "id = copied.entry", {"id": "new_entry", "subject_id": "new_run::text"}),
    ("audit_entrypayload", "entry_id = copied.entry", {"entry_id": "new_entry"}),
    (
        "audit_subjecthead",
        "subject_kind = 'run' AND subject_id = copied.run::text",
        {
            "id": "nextval(pg_get_serial_sequence('audit_subjecthead', 'id'))",
            "subject_id": "new_run::text",
        },
    ),
    (
        "audit_blockentry",
        "entry_id = copied.entry",
        {"entry_id": "new_entry", "position": "new_entry + 1000000"},
    ),
]


def copy_runs(url: str, *, originals: int, rows: int) -> None:
    """Copy the newest ``originals`` runs until there are ``rows`` more of them."""
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.transaction():
            # Switches triggers off: the ledger's would refuse, and would queue copies for sealing.
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(
                _COPIES,
                {"copies": -(-rows // originals), "originals": originals, "rows": rows},
            )
            connection.execute("ANALYZE copied")
            for table, found, replaced in _TABLES:
                connection.execute(_copy(connection, table, found, replaced))
        connection.execute("VACUUM ANALYZE")
        # Now, so that it does not happen while something is measured.
        connection.execute("CHECKPOINT")


def _copy(
    connection: psycopg.Connection, table: str, found: str, replaced: dict[str, str]
) -> sql.Composed:
    columns = [
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
            [table],
        )
    ]
    return sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM copied"
        " CROSS JOIN (SELECT max(new_run) AS last FROM copied) newest"
        " JOIN {table} original ON {found} ORDER BY new_run"
    ).format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(
            sql.SQL(replaced[name]) if name in replaced else sql.Identifier("original", name)
            for name in columns
        ),
        found=sql.SQL("original." + found),
    )
