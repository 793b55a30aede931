"""The commands of the docs, as a newcomer gives them to an installation with the demo."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import servers
from tests.chaos.loans import make_token
from tests.console import console
from tests.integration.serve.sites import shell
from tests.recipes import read_commands

pytestmark = [pytest.mark.own_servers, pytest.mark.timeout(300)]
# What the project's folder has that commands need; what they write stays out of it.
PARTS = ("manage.py", "workbench", "flows", "reviews", "templates", "static", "examples", ".venv")
SIGNING_KEY = f"""
from django.utils import timezone
from workbench.accounts.actors import Actor
from workbench.secrets.services import set_secret
set_secret(name="AIRFLOW_KEY", value="whsec_{b64encode(b"k" * 32).decode()}",
    uses=["checkpoint:*"], actor=Actor.system("tests"), now=timezone.now())
"""


@dataclass
class Newcomer:
    """Someone in the project's folder, with a token and the demo at work."""

    folder: Path
    var: Path
    url: str
    token: str

    def give(self, page: str, heading: str) -> str:
        """Give the commands below a heading; all must succeed. Returns what they said."""
        commands = read_commands("commands.md", "Commands") + read_commands(page, heading)
        commands = commands.replace("http://127.0.0.1:8000", self.url)
        done = shell(
            commands.replace("curl ", "curl -sS --fail-with-body "),
            self.folder,
            COUNTERSIGN_VAR=str(self.var),
            SECRET_KEY="only for tests",
            TOKEN=self.token,
            OUTGOING_ALLOWLIST="airflow.example",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    folder, var = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("var")
    for part in PARTS:
        (folder / part).symlink_to(servers.ROOT / part)
    with console(var) as opened:
        opened.manage("migrate", "--verbosity", "0")
        opened.manage("load_demo", "--runs", "5")
        opened.run(SIGNING_KEY)
        token = make_token(opened, "designer", "runs.start", "cases.open")
    with servers.serve(var, OUTGOING_ALLOWLIST="airflow.example") as server:
        yield Newcomer(folder, var, server.url, token)


def test_flows_are_imported_and_run(newcomer: Newcomer) -> None:
    said = newcomer.give("commands.md", "flow run")
    assert "1 started, 0 started before, 0 refused" in said
    assert "20 started, 0 started before, 0 refused" in said
    said = newcomer.give("api.md", "Starting once")
    assert '"flow": "trivial"' in said


def test_another_engine_asks_for_a_decision(newcomer: Newcomer) -> None:
    assert '"state": "waiting"' in newcomer.give("api.md", "A decision for another engine")


@pytest.mark.parametrize(
    ("document", "heading", "told"),
    [
        ("demo.md", "Run your own applications through it", "0 refused"),
        ("templates.md", "Templates", "There are the queues"),
        ("backtests.md", "Backtests", "decisions flip"),
    ],
)
def test_the_demo_does_what_its_pages_say(
    newcomer: Newcomer, document: str, heading: str, told: str
) -> None:
    assert told in newcomer.give(document, heading)
