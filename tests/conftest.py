"""Fixtures that every tier may use."""

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests import servers
from tests.emptying import only_what_was_written_is_emptied
from tests.servers import Countersign, EffectSink, MailSink, ServerMissing, Stack
from workbench.accounts.models import Role

__all__ = ["only_what_was_written_is_emptied"]

TIERS = ("unit", "integration", "web", "browser", "chaos")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test with the tier whose folder it is in; leave out those for PostgreSQL alone."""
    if connection.vendor != "postgresql":
        others = [item for item in items if item.get_closest_marker("only_postgresql")]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    for item in items:
        parts = Path(item.nodeid.split("::", 1)[0]).parts
        tier = parts[1] if len(parts) > 1 else ""
        if tier in TIERS:
            item.add_marker(tier)


@pytest.fixture(autouse=True, scope="session")
def load_step_modules() -> None:
    """Import what registers models before a test puts a registry of its own in the place."""
    from flows.steps.functions import load_functions

    load_functions()


@pytest.fixture(autouse=True)
def forget_cached_programs() -> None:
    """Forget the programs of versions, which are cached by id: each test uses the ids again."""
    from flows.runtime.program import forget_programs

    forget_programs()


@pytest.fixture(autouse=True)
def forget_known_connections() -> None:
    """Forget the connections that the process keeps for a second."""
    from flows.connections.known import KNOWN

    KNOWN.forget()


@pytest.fixture(autouse=True)
def forget_known_contents() -> None:
    """Forget the assets that the process keeps by name and number: each test uses them again."""
    from flows.assets.contents import CONTENTS

    CONTENTS.forget()


@pytest.fixture(autouse=True)
def assume_no_policies_attached() -> None:
    """Take it that no policy is attached, until one is: the process asks once a second."""
    from flows.assets.policies.attachments import KNOWN

    KNOWN.assume_none()


@pytest.fixture
def now() -> datetime:
    """A fixed working day: Tuesday, ten in the morning, UTC."""
    return datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


@pytest.fixture
def deliver_outbox() -> Callable[[], int]:
    """Return a function that delivers every row of the outbox that is due, new ones too."""
    from workbench.dispatch.delivery import deliver
    from workbench.dispatch.models import Outbox

    def deliver_due() -> int:
        count = 0
        while True:
            now = timezone.now()
            ids = Outbox.objects.filter(dead_at=None, due_at__lte=now).values_list("pk", flat=True)
            if not ids:
                return count
            count += sum(deliver(pk, now) for pk in list(ids))

    return deliver_due


# --- People ---------------------------------------------------------------------------


@pytest.fixture
def client_of(db: None) -> Callable[..., Client]:
    """Return ``client_of(Role.DESIGNER, flow="loan")``: signed in as a person with those roles."""
    from tests.factories.people import make_person, signed_in

    def sign_in(*roles: Role, flow: str = "") -> Client:
        return signed_in(make_person("", *roles, flow=flow))

    return sign_in


@pytest.fixture
def designer(client_of: Callable[..., Client]) -> Client:
    return client_of(Role.DESIGNER)


@pytest.fixture
def operator(client_of: Callable[..., Client]) -> Client:
    return client_of(Role.OPERATOR)


@pytest.fixture
def auditor(client_of: Callable[..., Client]) -> Client:
    return client_of(Role.AUDITOR)


# --- Servers ------------------------------------------------------------------


@pytest.fixture
def mail_sink() -> Iterator[MailSink]:
    with servers.mail_sink() as sink:
        yield sink


@pytest.fixture
def effect_sink() -> Iterator[EffectSink]:
    with servers.effect_sink() as sink:
        yield sink


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis: the one of this run, else one of its own."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    try:
        running = servers.redis_server()
        with running as url:
            yield url
    except ServerMissing as missing:
        pytest.skip(str(missing))


Serve = Callable[..., AbstractContextManager[Countersign]]


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COUNTERSIGN_VAR whose SQLite database is migrated and empty; copy it, do not use it.

    Where TEST_MIGRATED_FOLDER names one, all tiers share it, and whoever is first migrates it.
    """
    given = os.environ.get("TEST_MIGRATED_FOLDER")
    folder = Path(given) if given else tmp_path_factory.mktemp("migrated")
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not any(folder.iterdir()):
            servers.manage(folder, "migrate", "--verbosity", "0", "--skip-checks")
    return folder


@pytest.fixture(scope="session")
def migrated_postgresql() -> Iterator[Path]:
    """The data of a PostgreSQL whose database is migrated and empty, for ``like``."""
    try:
        with servers.private_folder() as var, ExitStack() as running:
            server = running.enter_context(servers.postgresql_server())
            servers.manage(
                var, "migrate", "--verbosity", "0", "--skip-checks", DATABASE_URL=server.url
            )
            server.stop(signal.SIGINT)
            yield server.folder / "data"
    except ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def serve(tmp_path: Path, migrated_folder: Path) -> Serve:
    """Return ``with serve("--all", OUTGOING_ALLOWLIST=…) as server``: a process on a free port.

    Each process of one test has the same folder, so that a second one finds what the first left.
    """
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)
    return partial(servers.serve, tmp_path)


@pytest.fixture
def stack(migrated_postgresql: Path) -> Iterator[Callable[..., Stack]]:
    """Return ``stack(workers=2)``: all that production has, until the test ends."""
    with ExitStack() as running:

        def start(**options: object) -> Stack:
            options = {"like": migrated_postgresql} | options
            try:
                return running.enter_context(servers.stack(**options))  # type: ignore[arg-type]
            except ServerMissing as missing:
                pytest.skip(str(missing))

        yield start
