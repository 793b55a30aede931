"""deploy/roles.sql: the application's role does its work and cannot change the ledger."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests import servers
from tests.integration.serve.sites import Site, prepare, shell
from tests.recipes import read_commands
from tests.servers import EffectSink
from tests.waiting import until

pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(300)]
OWNER = "CREATE ROLE countersign_owner LOGIN CREATEROLE"
DATABASE = "CREATE DATABASE countersign OWNER countersign_owner"
# Set, as in production: each test has a folder of its own.
KEYS = {
    "SECRETS_KEY": base64.b64encode(b"s" * 32).decode(),
    "LEDGER_KEY": base64.b64encode(b"l" * 32).decode(),
}
COMMANDS = read_commands("production.md", "Two roles in the database")


@pytest.fixture(scope="module")
def owner_url() -> Iterator[str]:
    """A database whose owner is no superuser, prepared as the page says."""
    with servers.postgresql() as url, servers.private_folder() as var:
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(OWNER)
            database.execute(DATABASE)
        owner = url.replace("postgres@", "countersign_owner@").replace("/postgres", "/countersign")
        for _ in range(2):  # as at an upgrade
            done = shell(
                COMMANDS, COUNTERSIGN_VAR=str(var), OWNER_URL=owner, APP_PASSWORD='it\'s "long"'
            )
            assert done.returncode == 0, done.stdout + done.stderr
        yield owner


def as_application(owner_url: str) -> str:
    return owner_url.replace("countersign_owner@", "countersign_app@")


def test_processes_complete_a_decided_run_as_the_application(
    owner_url: str, tmp_path: Path, effect_sink: EffectSink, redis_url: str
) -> None:
    settings = KEYS | {
        "DATABASE_URL": as_application(owner_url),
        "REDIS_URL": f"{redis_url}/7",
        "OUTGOING_ALLOWLIST": effect_sink.host,
    }
    with ExitStack() as running:
        reviewer, designer = prepare(tmp_path, effect_sink, **settings)
        web = running.enter_context(servers.serve(tmp_path, port=None, **settings))
        worker = servers.command(tmp_path, "worker", "--processes", "1", **settings)
        parts = [running.enter_context(worker)]
        parts.append(running.enter_context(servers.command(tmp_path, "clock", **settings)))
        site = Site(web.url, reviewer, designer)
        run = site.start_run("by the application")
        site.approve(run)
        assert site.outcome(run) == "settled"

        def is_sealed() -> bool:
            said = servers.manage(tmp_path, "audit", "verify", **settings)
            return ": good" in said and " 0 unsealed" in said and " 0 blocks" not in said

        until(is_sealed, lambda: "".join(part.output for part in parts))
        for part in [web, *parts]:
            assert "permission denied" not in part.output
            assert "owns the ledger" not in part.output


LEDGER = (
    "audit_entry", "audit_block", "audit_blockentry", "audit_entrypayload", "audit_subjecthead",
    "audit_unsealed",
)  # fmt: skip
# Counts of what was refused, for entries that are still to be made: no part of the ledger.
BESIDE_IT = ("audit_tally",)
ADDED_ONLY = ("audit_entry", "audit_block", "audit_blockentry")


@pytest.fixture
def application(owner_url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    with psycopg.connect(as_application(owner_url), autocommit=True) as database:
        yield database


@pytest.mark.parametrize("table", LEDGER)
@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "ALTER TABLE {} ADD COLUMN more text",
        "CREATE TRIGGER mine BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    ],
)
def test_the_ledger_refuses_it_by_role(
    application: "psycopg.Connection[tuple[object, ...]]", table: str, statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        application.execute(statement.format(table))


@pytest.mark.parametrize("table", ADDED_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_what_is_added_is_never_changed(
    application: "psycopg.Connection[tuple[object, ...]]", table: str, statement: str
) -> None:
    column = "position" if table == "audit_blockentry" else "id"
    with pytest.raises(InsufficientPrivilege):
        application.execute(statement.format(table, column, column))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entrypayload SET entry_id = entry_id",
        "DELETE FROM audit_entrypayload",
        "DELETE FROM audit_subjecthead",
        "UPDATE audit_unsealed SET entry_id = entry_id",
        "SET session_replication_role = replica",
        "DROP FUNCTION audit_refuse() CASCADE",
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE sql AS ''",
        "CREATE TABLE mine (id int)",
        "DELETE FROM django_migrations",
        "SET ROLE countersign_owner",
    ],
)
def test_the_guards_are_out_of_reach(
    application: "psycopg.Connection[tuple[object, ...]]", statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        application.execute(statement)


def test_each_table_of_the_ledger_is_known_here(
    application: "psycopg.Connection[tuple[object, ...]]",
) -> None:
    """A table that the ledger gets must be thought of in roles.sql, and above."""
    found = application.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'audit\\_%'"
    ).fetchall()
    assert {name for (name,) in found} == {*LEDGER, *BESIDE_IT}


@pytest.mark.parametrize(
    ("as_role", "warned"),
    [(str, True), (as_application, False)],
    ids=["owner", "application"],
)
def test_the_check_and_the_clock_warn_when_the_owner_runs_the_application(
    owner_url: str, tmp_path: Path, as_role: Callable[[str], str], warned: bool
) -> None:
    settings = KEYS | {"DATABASE_URL": as_role(owner_url)}
    check = shell(
        "python manage.py check --deploy --tag installation",
        COUNTERSIGN_VAR=str(tmp_path), SECRET_KEY="only for tests", **settings,
    )  # fmt: skip
    assert ("audit.W002" in check.stderr) == warned, check.stderr
    with servers.command(tmp_path, "clock", **settings) as clock:
        until(lambda: "The clock runs." in clock.output, lambda: clock.output)
        assert ("owns the ledger" in clock.output) == warned
