"""How fast the canvas is: opening, dragging, panning, painting states; beside a bare canvas.

Prints medians of three openings and the 95th percentile of frames, in ms. Frames come every 16.7.
"""

import gzip
import http.server
import json
import os
import shutil
import statistics
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Login, Site

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend" / "editor"
OPENINGS = 3
MOST_SCRIPT_BYTES = 200_000
FRAMES = """() => { window.frames_ = []; let last = performance.now();
  const tick = (now) => { window.frames_.push(now - last); last = now;
    if (window.frames_) window.timer_ = requestAnimationFrame(tick); };
  window.timer_ = requestAnimationFrame(tick); }"""
STOP = "() => { cancelAnimationFrame(window.timer_); return window.frames_.slice(2); }"
READY = """addEventListener('flow:ready', () => requestAnimationFrame(() =>
  requestAnimationFrame(() => { window.readyAt = performance.now(); })));"""
PAINT = """async (steps) => { const start = performance.now();
  const canvas = document.querySelector('flow-canvas');
  if (canvas) { canvas.setStatuses({steps}); canvas.model.statuses.flush(); }
  else window.setStatuses(steps);
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - start; }"""


def graph(steps: int) -> dict[str, Any]:
    """Return a document of rows of ten, with 1.3 edges a step."""
    names = [f"s{i}" for i in range(steps)]
    chain = [f"{a}.done -> {b}" for a, b in pairwise(names)]
    across = [f"{names[i]}.error -> {names[i + 11]}" for i in range(0, steps - 11, 3)]
    return {
        "steps": {
            n: {"type": "transform", "title": f"Step {n}", "with": {"output": 1}} for n in names
        },
        "edges": (chain + across)[: int(steps * 1.3)],
        "layout": {n: [i % 25 * 336, i // 25 * 144] for i, n in enumerate(names)},
    }


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], str]]:
    """Return a function that gives the URL of a bare canvas with so many steps."""
    if not (FRONTEND / "node_modules").exists() or not shutil.which("npx"):
        pytest.skip("run `npm ci` in frontend/editor for the bare canvas")
    out = tmp_path_factory.mktemp("bare")
    subprocess.run(
        ["npx", "vite", "build", "--config", "bench/vite.config.js", "--logLevel", "error"],
        cwd=FRONTEND, env={**os.environ, "BARE_OUT": str(out)}, check=True,
    )  # fmt: skip
    style = (
        "html,body,#root{height:100%;margin:0}.bare-card{width:240px;height:64px;border:1px solid}"
    )
    (out / "index.html").write_text(
        f'<!doctype html><link rel="stylesheet" href="bare.css"><style>{style}</style>'
        '<div id="root"></div><script type="module" src="bare.js"></script>'
    )
    handler = partial(QuietHandler, directory=str(out))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def url(steps: int) -> str:
        document = graph(steps)
        edges = [edge.replace(" -> ", ".").split(".") for edge in document["edges"]]
        data = {
            "nodes": [
                {"id": n, "type": "card", "position": {"x": x, "y": y}, "data": {"title": n}}
                for n, (x, y) in document["layout"].items()
            ],
            "edges": [{"id": f"{s}{p}{t}", "source": s, "target": t} for s, p, t in edges],
        }
        (out / "graph.json").write_text(json.dumps(data))
        return f"http://127.0.0.1:{server.server_port}/index.html"

    yield url
    server.shutdown()
    server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


def p95(frames: list[float]) -> float:
    return statistics.quantiles(frames, n=20)[-1] if len(frames) > 1 else 0.0


def measure(page: Page, url: str, card: str, steps: int) -> dict[str, float]:
    """Open a canvas and use it; return what each took."""
    loads = []
    for _ in range(OPENINGS):
        page.goto(url)
        page.wait_for_selector(card)
        while (ready := page.evaluate("window.readyAt")) is None:
            page.wait_for_timeout(20)
        loads.append(ready)
    page.wait_for_timeout(1000)
    box = page.locator(card).first.bounding_box()
    assert box
    x, y = box["x"] + 90, box["y"] + 30
    drag = frames_of(page, lambda: drag_by(page, x, y))
    page.mouse.move(900, 500)
    pan = frames_of(page, lambda: [page.mouse.wheel(24, 8) for _ in range(60)])
    states = {f"s{i}": {"state": "done", "visits": 1} for i in range(min(steps, 500))}
    painted = [
        page.evaluate(PAINT, {k: {**v, "visits": n + 2} for k, v in states.items()})
        for n in range(3)
    ]
    return {
        "load": statistics.median(loads), "drag p95": p95(drag), "pan p95": p95(pan),
        "500 states": statistics.median(painted),
    }  # fmt: skip


def drag_by(page: Page, x: float, y: float) -> None:
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 200, y + 100, steps=60)
    page.mouse.move(x, y, steps=60)
    page.mouse.up()


def frames_of(page: Page, act: Callable[[], Any]) -> list[float]:
    page.evaluate(FRAMES)
    act()
    return list(page.evaluate(STOP))


@pytest.mark.timeout(600)
def test_the_canvas_beside_a_bare_one(
    page: Page, site: Site, login: Login, bare: Callable[[int], str], capsys: Any, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.add_init_script(READY)
    login(page, "designer")
    script = len(gzip.compress((ROOT / "static/flows/editor/editor.js").read_bytes(), 9))

    def show(label: str, figures: dict[str, float]) -> None:
        with capsys.disabled():
            print(f"{label:18}", "  ".join(f"{k} {v:7.1f}" for k, v in figures.items()))

    show("\nscript, gzipped kB", {"": script / 1000})
    for steps in (500, 2000):
        name = f"bench-{steps}"
        site.manage("shell", "--no-imports", "--command", make_flow(name, graph(steps), tmp_path))
        show(f"{steps} steps", measure(page, f"/flows/{name}/edit/", ".step-card", steps))
        show(f"{steps} steps, bare", measure(page, bare(steps), ".bare-card", steps))
    assert script < MOST_SCRIPT_BYTES


def make_flow(name: str, parts: dict[str, Any], folder: Path) -> str:
    """Return the code that makes a flow; its document goes by a file, as it is long."""
    document = {"schema": "countersign/flow@1", "name": name, **parts}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return f"""
import json, pathlib
from django.utils import timezone
from flows.graph.operations import normal_form
from flows.models import Flow
draft = normal_form(json.loads(pathlib.Path({str(path)!r}).read_text()))
now = timezone.now()
Flow.objects.create(name="{name}", title="Bench", draft=draft, created_at=now, updated_at=now)
"""
