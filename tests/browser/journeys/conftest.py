"""A demo installation of its own, and a browser for each of the people in it."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from examples.consumer_loan.generate import applications
from tests import servers
from tests.console import Console, console
from tests.servers import Countersign

# What the browser reports while the process is stopped: answers that did not come.
PUT_OFF_BY_A_STOP = (
    "Failed to load resource", "WebSocket connection", "ERR_CONNECTION_REFUSED", "Failed to fetch",
)  # fmt: skip
FIRST_LOOK_MS = 20_000


class Demo:
    """The demo as `make run` serves it; it may be stopped and started with all state kept."""

    def __init__(self, var: Path, open_console: Console) -> None:
        self.var = var
        self.manage, self.run = open_console.manage, open_console.run
        self.port = servers.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._running = ExitStack()
        self.server: Countersign | None = None
        self.manage("load_demo", "--runs", "12")
        self.password = (var / "demo-accounts.txt").read_text().splitlines()[0].split()[-1]

    def start(self) -> None:
        self.server = self._running.enter_context(servers.serve(self.var, port=self.port))

    def applications(self) -> str:
        """Return the path of a file with a few more generated applications."""
        path = self.var / "applications.jsonl"
        starts = enumerate(applications(8, seed=23), 1)
        lines = (
            json.dumps({"input": each, "idempotency_key": f"more-{number}"})
            for number, each in starts
        )
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    def stop(self) -> None:
        """Stop as Ctrl-C does; it must leave cleanly."""
        self._running.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, migrated_folder: Path) -> Iterator[Demo]:
    var = tmp_path_factory.mktemp("demo")
    shutil.copytree(migrated_folder, var, dirs_exist_ok=True)
    with console(var) as open_console:
        demo = Demo(var, open_console)
        demo.start()
        yield demo
        demo.stop()


SignIn = Callable[..., Page]


@pytest.fixture
def sign_in(browser: Browser, demo: Demo) -> Iterator[SignIn]:
    """Return ``sign_in("reviewer", **options)``: a page in a browser of their own.

    What a page's script or content policy reports as an error fails the test.
    """
    contexts: list[BrowserContext] = []
    reported: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(each in message.text for each in PUT_OFF_BY_A_STOP):
            reported.append(f"{message.location.get('url')}: {message.text}")

    def enter(name: str, **options: Any) -> Page:
        options = {"viewport": {"width": 1440, "height": 900}} | options
        context = browser.new_context(base_url=demo.url, **options)
        contexts.append(context)
        context.set_default_timeout(FIRST_LOOK_MS)
        page = context.new_page()
        page.on("console", on_console)
        page.on("pageerror", lambda error: reported.append(str(error)))
        page.goto("/accounts/login/")
        page.locator("[name=login]").fill(name)
        page.locator("[name=password]").fill(demo.password)
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_visible()
        page.wait_for_url(lambda url: "/accounts/login/" not in url)
        return page

    yield enter
    for context in contexts:
        context.close()
    assert not reported, reported
