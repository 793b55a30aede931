"""Two browsers edit one draft at random, over a line that is cut and a server that is killed.

``EDITOR_OPERATIONS`` says how many edits each makes; ``make chaos-editor`` makes 5,000.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from flows.graph.operations import normal_form
from tests import servers
from tests.browser import waiting
from tests.browser.conftest import come_signed_in
from tests.browser.editor.cutting import CuttingProxy, cutting_proxy
from tests.browser.editor.test_editor import MAKE_FLOW, THREE, document_of
from tests.console import Console, console
from tests.servers import Countersign

OPERATIONS = int(os.environ.get("EDITOR_OPERATIONS", "200"))
RANDOM_JS = Path(__file__).parents[2] / "js" / "editor" / "random.js"
KILLS = 2
CUTS_A_ROUND = 2
ROUNDS = max(6, OPERATIONS // 250)
# Edits of one browser alone, all of them undone. So many at once as a tab may keep unsent.
AT_ONCE = 250
ALONE = max(AT_ONCE, OPERATIONS)
FLOW = "shared"
# Each edits in bursts, so that some lie in wait when the line is cut. What was acknowledged is
# written down as the page hears it.
EDIT = """([seed, count]) => {
  const canvas = document.querySelector('flow-canvas');
  const { draft } = canvas;
  window.acknowledged ??= new Set();
  if (!window.random_) {
    window.random_ = seeded(seed);
    const receive = draft.receive.bind(draft);
    draft.receive = (said) => {
      for (const each of said.results ?? []) {
        if (each.status === 'applied') acknowledged.add(each.client_id);
      }
      return receive(said);
    };
  }
  window.left_ = count;
  const tick = () => {
    for (let burst = 0; burst < 5 && left_ > 0; ) {
      try {
        if (random_() < 0.08) draft.undo();
        else draft.edit(randomOperation(random_, draft.document));
      } catch (error) {
        if (error.code === undefined) throw error;
        continue;
      }
      left_ -= 1;
      burst += 1;
    }
    if (left_ > 0) setTimeout(tick, 4);
  };
  tick();
}"""
EDIT_ALONE = """([seed, count]) => { const { draft } = document.querySelector('flow-canvas');
  const random = seeded(seed);
  for (let made = 0; made < count; ) {
    try { draft.edit(randomOperation(random, draft.document)); made += 1; }
    catch (error) { if (error.code === undefined) throw error; }
  }
}"""
FORGET_UNDO = """() => { const { draft } = document.querySelector('flow-canvas');
  draft.done = [];
  return JSON.stringify(draft.document);
}"""
# False once there is nothing left to undo.
UNDO_SOME = """(count) => { const { draft } = document.querySelector('flow-canvas');
  for (let made = 0; made < count; made += 1) if (draft.undo() === null) return false;
  return true;
}"""
PENDING = "document.querySelector('flow-canvas').draft.pending.length"
CONFLICTS = "document.querySelector('flow-canvas').draft.conflicts.length"
HISTORY = f"""
import json
from flows.selectors.drafts import get_draft_at
from flows.graph.operations import apply, normal_form
from flows.models import DraftOperation, Flow
flow = Flow.objects.get(name="{FLOW}")
rows = DraftOperation.objects.filter(flow=flow).order_by("revision")
document = start = get_draft_at(flow_id=flow.pk, revision=0)
for row in rows:
    document, _ = apply(document, row.operation)
print(json.dumps({{
    "start": start, "played": document, "draft": flow.draft,
    "ids": [row.client_id for row in rows],
    "revisions": [row.revision for row in rows],
}}))
"""


@dataclass
class Mortal:
    """A server that can be killed and comes back on the same port with the same data."""

    var: Path
    port: int
    console: Console
    running: ExitStack = field(default_factory=ExitStack)
    server: Countersign | None = None

    def start(self) -> None:
        self.server = self.running.enter_context(servers.serve(self.var, port=self.port))

    def kill_and_start(self) -> None:
        assert self.server
        self.server.kill()
        self.start()


@pytest.fixture
def mortal(tmp_path: Path, peopled_folder: Path) -> Iterator[Mortal]:
    shutil.copytree(peopled_folder, tmp_path, dirs_exist_ok=True)
    with console(tmp_path) as open_console:
        open_console.run(MAKE_FLOW.format(name=FLOW, parts=repr(THREE)))
        found = Mortal(tmp_path, servers.free_port(), open_console)
        with found.running:
            found.start()
            yield found


@contextmanager
def editing(browser: Browser, proxy: CuttingProxy) -> Iterator[Page]:
    """A designer's browser with the flow open, and with edits at random at hand."""
    context = browser.new_context(base_url=proxy.url)
    page = context.new_page()
    come_signed_in(page, "designer", url=proxy.url)
    page.goto(f"/flows/{FLOW}/edit/")
    page.locator(".step-card").first.wait_for()
    source = RANDOM_JS.read_text().replace("export ", "")
    page.evaluate(f"() => {{ {source}; Object.assign(window, {{ seeded, randomOperation }}); }}")
    yield page
    context.close()


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait the longer, the more edits there are to send."""
    waiting.until(page, condition, patience_seconds=(300 + OPERATIONS) / 10)


def saved(page: Page) -> bool:
    return bool(page.evaluate(PENDING) == 0 and page.evaluate("window.left_") == 0)


@pytest.mark.timeout(1800)
def test_cut_lines_and_a_killed_server_lose_no_edit(
    browser: Browser, mortal: Mortal, capsys: Any
) -> None:
    random = Random(5)
    kill_at = set(random.sample(range(ROUNDS), KILLS))
    with (
        cutting_proxy(mortal.port) as proxy,
        editing(browser, proxy) as one,
        editing(browser, proxy) as two,
    ):
        for round_ in range(ROUNDS):
            for seed, page in enumerate((one, two), start=1):
                share = OPERATIONS * (round_ + 1) // ROUNDS - OPERATIONS * round_ // ROUNDS
                page.evaluate(EDIT, [seed, share])
            for _ in range(CUTS_A_ROUND):
                # The line is cut at any moment of the exchange.
                one.wait_for_timeout(random.uniform(20, 250))
                proxy.cut()
            if round_ in kill_at:
                mortal.kill_and_start()
            for page in (one, two):
                until(page, lambda page=page: page.evaluate("window.left_") == 0)
        for page in (one, two):
            until(page, lambda page=page: saved(page))
        expected = one.request.get(f"/flows/{FLOW}/edit/draft/").json()
        for page in (one, two):
            until(page, lambda page=page: document_of(page) == expected["document"])
        told = set(one.evaluate("[...acknowledged]")) | set(two.evaluate("[...acknowledged]"))
        history = history_of(mortal)
        refused = one.evaluate(CONFLICTS) + two.evaluate(CONFLICTS)
        with capsys.disabled():
            sys.stdout.write(
                f"\n2 x {OPERATIONS} edits: {len(history['ids'])} applied and none lost, {refused}"
                f" shown as conflicts, {proxy.cuts} connections cut, {KILLS} kills\n"
            )
        assert proxy.cuts > 2 * ROUNDS
        assert told
        assert told <= set(history["ids"])
        assert len(set(history["ids"])) == len(history["ids"])
        assert history["revisions"] == list(range(1, expected["revision"] + 1))
        assert history["played"] == history["draft"] == expected["document"]
        assert history["start"] == started()

        start = json.loads(one.evaluate(FORGET_UNDO))
        for seed in range(ALONE // AT_ONCE):
            one.evaluate(EDIT_ALONE, [99 + seed, AT_ONCE])
            until(one, lambda: saved(one))
        assert history_of(mortal)["draft"] != start
        while one.evaluate(UNDO_SOME, AT_ONCE):
            until(one, lambda: saved(one))
        until(one, lambda: saved(one))
        assert history_of(mortal)["draft"] == start


def history_of(mortal: Mortal) -> Any:
    return json.loads(mortal.console.run(HISTORY))


def started() -> dict[str, Any]:
    named = {"schema": "countersign/flow@1", "name": FLOW, "title": f"Editor {FLOW}"}
    return normal_form({**named, **THREE})
