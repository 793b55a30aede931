"""Back-up and restore of docs/production.md, run as written there, while runs are started."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests import servers
from tests.console import console
from tests.integration.serve.sites import (
    READ_ARTIFACTS,
    SECRET,
    Site,
    prepare,
    shell,
    writing,
)
from tests.recipes import read_commands
from tests.servers import EffectSink, ServerFailed
from tests.waiting import until

pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(300)]
OTHER_KEYS = {
    "SECRETS_KEY": base64.b64encode(b"s" * 32).decode(),
    "LEDGER_KEY": base64.b64encode(b"l" * 32).decode(),
}


@dataclass
class Place:
    """Where an installation is, or will be restored: a folder and a database, with their names."""

    kind: str
    var: Path
    names: dict[str, str]

    def run(self, *headings: str, **more: str) -> str:
        """Run what stands below the headings; return what it said. Raises: ServerFailed."""
        commands = "".join(read_commands("production.md", heading) for heading in headings)
        done = shell(commands, COUNTERSIGN_VAR=str(self.var), **(self.names | more))
        if done.returncode != 0:
            raise ServerFailed(done.stdout + done.stderr)
        return done.stdout + done.stderr

    @property
    def settings(self) -> dict[str, str]:
        names = ("DATABASE_URL", "OUTGOING_ALLOWLIST")
        # Keys that are not set are files, also the one that signs sessions.
        return {name: self.names[name] for name in names if name in self.names} | {"SECRET_KEY": ""}


@dataclass
class BackedUp:
    """What was there when the back-up was taken, and where it is to be restored."""

    place: Place
    decided: int
    waiting: int
    reviewer: str
    designer: str
    sink: EffectSink


@pytest.fixture(scope="module", params=["SQLite", "PostgreSQL"])
def places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Place]]:
    """Return a function that makes an empty place, with a name of its own."""
    folder = tmp_path_factory.mktemp("places")
    kept = {"BACKUP": str(folder / "backup"), "KEYS": str(folder / "keys")}
    with ExitStack() as running:
        url = ""
        if request.param == "PostgreSQL":
            url = running.enter_context(servers.postgresql())

        def make(name: str) -> Place:
            names = dict(kept)
            (folder / name).mkdir()
            if url:
                with psycopg.connect(url, autocommit=True) as database:
                    database.execute(f'CREATE DATABASE "{name}"')
                names["OWNER_URL"] = urlsplit(url)._replace(path=f"/{name}").geturl()
                names["DATABASE_URL"] = names["OWNER_URL"].replace("postgres@", "countersign_app@")
            return Place(request.param, folder / name, names)

        yield make


@pytest.fixture(scope="module")
def backed_up(places: Callable[[str], Place]) -> Iterator[BackedUp]:
    with servers.effect_sink() as sink:
        place = places("first")
        place.names["OUTGOING_ALLOWLIST"] = sink.host
        if place.kind == "PostgreSQL":
            place.run("Two roles in the database")
        else:
            servers.manage(place.var, "migrate", "--verbosity", "0", **place.settings)
        reviewer, designer = prepare(place.var, sink, **place.settings)
        with servers.serve(place.var, "--all", port=None, **place.settings) as server:
            site = Site(server.url, reviewer, designer)
            decided, waiting = site.start_run("decided"), site.start_run("waiting")
            site.approve(decided)
            assert site.outcome(decided) == "settled"
            until(lambda: sealed(place), "a sealed block")
            with writing(site) as writer:
                until(lambda: len(writer.started) > 3, "runs that are started meanwhile")
                place.run(f"Back up {place.kind}", "Back up the artifacts", "Keep the keys")
                after = len(writer.started)
                until(lambda: len(writer.started) > after + 3, "runs that are started afterwards")
        yield BackedUp(place, decided, waiting, reviewer, designer, sink)


def sealed(place: Place) -> bool:
    said = servers.manage(place.var, "audit", "verify", **place.settings)
    return " 0 blocks" not in said and " 0 unsealed" in said


@pytest.fixture
def restored(
    places: Callable[[str], Place], backed_up: BackedUp, request: pytest.FixtureRequest
) -> Place:
    """The back-up restored elsewhere, without its keys."""
    place = places(request.node.originalname[:40])
    place.names["OUTGOING_ALLOWLIST"] = backed_up.sink.host
    place.run(f"Restore on {place.kind}")
    return place


def test_with_its_keys_it_verifies_and_goes_on(restored: Place, backed_up: BackedUp) -> None:
    restored.run("Restore artifacts and keys")
    said = restored.run("Look before anyone works")
    assert ": good" in said
    assert " 0 blocks" not in said
    assert "no issues" in said

    with console(restored.var, **restored.settings) as opened:
        assert int(opened.run(READ_ARTIFACTS)) >= 5
    with servers.serve(restored.var, "--all", port=None, **restored.settings) as server:
        site = Site(server.url, backed_up.reviewer, backed_up.designer)
        assert site.outcome(backed_up.decided) == "settled"
        site.approve(backed_up.waiting)
        assert site.outcome(backed_up.waiting) == "settled"
        told = {"run": backed_up.waiting, "key": SECRET}
        assert backed_up.sink.bodies.count(told) == 1
        until(lambda: sealed(restored), "a block with what was done since")
    assert ": good" in restored.run("Look before anyone works")


def test_without_keys_nothing_starts_and_both_are_named(
    restored: Place, backed_up: BackedUp
) -> None:
    with pytest.raises(ServerFailed) as refused:
        servers.manage(restored.var, "serve", "--port", "0", "--all", **restored.settings)
    said = str(refused.value)
    assert "The secrets key is missing: SECRETS_KEY is not set" in said
    assert "The ledger's key is missing: LEDGER_KEY is not set" in said
    assert "Traceback" not in said
    with pytest.raises(ServerFailed, match="The ledger's key is missing") as refused:
        restored.run("Look before anyone works")
    assert "Traceback" not in str(refused.value)
    assert not (restored.var / "secrets-key").exists()
    assert not (restored.var / "ledger-key.pem").exists()


def test_another_key_is_named(restored: Place, backed_up: BackedUp) -> None:
    with pytest.raises(ServerFailed, match=r"key-unknown.*LEDGER_KEY"):
        restored.run("Look before anyone works", **OTHER_KEYS)
    done = shell(
        "python manage.py check --deploy --tag installation",
        COUNTERSIGN_VAR=str(restored.var), **(restored.names | OTHER_KEYS),
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "secrets.W001" in said
    assert "SECRETS_KEY has changed" in said
    assert "audit.W001" in said
