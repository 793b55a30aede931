"""The screenshots of the docs: each page wide and narrow, the main ones light and dark.

Each must be free of what axe finds, and none may scroll sideways.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journeys.conftest import Demo, SignIn

pytestmark = [pytest.mark.screens, pytest.mark.timeout(600)]
WIDTHS: dict[str, dict[str, Any]] = {
    "1440": {"viewport": {"width": 1440, "height": 900}},
    "390": {"viewport": {"width": 390, "height": 844}},
}
# Long enough for a document to be drawn and a notice to be gone.
SETTLE_MS = 2_500


@dataclass(frozen=True)
class Screen:
    """A page as a role sees it. ``ready`` is what must be there before the picture."""

    name: str
    role: str
    path: str
    ready: str = "main h1, header h1, h1"


SCREENS = (
    Screen("home", "lead", "/"),
    Screen("flows", "designer", "/flows/"),
    Screen("flow", "designer", "/flows/consumer-loan/", "flow-canvas .react-flow__node"),
    Screen("editor", "designer", "/flows/consumer-loan/edit/", "flow-canvas .react-flow__node"),
    Screen("draft-text", "designer", "/flows/consumer-loan/text/"),
    Screen("versions", "designer", "/flows/consumer-loan/versions/"),
    Screen("start", "designer", "/flows/consumer-loan/start/?sample=unsure"),
    Screen("runs", "operator", "/runs/"),
    Screen("run", "operator", "/runs/{run}/", "flow-canvas .react-flow__node"),
    Screen("health", "operator", "/health/"),
    Screen("queues", "lead", "/review/"),
    Screen("queue", "reviewer", "/review/queues/underwriting/", "tr a"),
    Screen("case", "reviewer", "/review/cases/{case}/", ".document canvas"),
    Screen("receipt", "auditor", "/review/cases/{decided}/receipt/"),
    Screen("audit", "auditor", "/audit/", "tr a"),
    Screen("people", "admin", "/accounts/people/"),
)
DARK = frozenset({"home", "editor", "run", "queue", "case", "audit"})
DECIDE = """
from django.utils import timezone
from reviews.selectors.acting import make_acting
from reviews.rules.answers import Answer
from reviews.models import Case
from reviews.services.decisions import decide_case
from workbench.accounts.models import User
first, second = Case.objects.order_by("pk")[:2]
decide_case(case_id=first.pk, answer=Answer(outcome="approved"), now=timezone.now(),
    acting=make_acting(User.objects.get(username="reviewer2")), commit_now=True)
print("ids", first.run_id, first.pk, second.pk)
"""


@pytest.fixture(scope="module")
def ids(demo: Demo) -> dict[str, int]:
    """Let the applications come to rest, decide one case, and return what the pages name."""
    demo.manage("flow", "run", "consumer-loan", "--input-file", demo.applications(), "--wait")
    run, decided, case = demo.run(DECIDE).split()[-3:]
    return {"run": int(run), "decided": int(decided), "case": int(case)}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("role", sorted({screen.role for screen in SCREENS}))
def test_the_pages_of_a_role_are_pictured(
    role: str,
    width: str,
    ids: dict[str, int],
    sign_in: SignIn,
    axe: Callable[[Page], None],
    screens: Path,
) -> None:
    page = sign_in(role, **WIDTHS[width], reduced_motion="reduce")
    for screen in SCREENS:
        if screen.role != role:
            continue
        for scheme in ("light", "dark") if screen.name in DARK else ("light",):
            page.emulate_media(color_scheme=scheme)
            page.goto(screen.path.format(**ids))
            expect(page.locator(screen.ready).first).to_be_visible()
            page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=screens / f"{screen.name}-{width}-{scheme}.png")
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
            axe(page)
