"""The tests of an asset: on recorded answers, or against a model when asked for."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.assets import services
from flows.assets.editables import make_editable
from flows.assets.kinds import AssetKind, TestBudget, sum_up
from flows.assets.models import Asset
from flows.assets.requests import asset_or_404, make_context
from flows.steps.questions import list_models_to_ask
from flows.views.requests import actor_of
from workbench.http.numbers import number_in
from workbench.http.rates import limit_model_tries
from workbench.shell.editing import Edit, warn_of_conflict

# A page waits for its answers: more calls are for the command, which has no such limits.
MOST_CALLS = 20
SECONDS = 60.0


@require_GET
def asset_tests(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Show how the draft's tests go on the recorded answers. No model is asked."""
    return _tests_page(request, kind, asset_or_404(kind, name), TestBudget())


@require_POST
@limit_model_tries
def run_against_model(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Run the draft's tests against a model, under a budget; keep the answers if asked to."""
    asset = asset_or_404(kind, name)
    budget = read_budget(request.POST)
    if isinstance(budget, str):
        return _tests_page(request, kind, asset, TestBudget(), 422, refusal=budget)
    if request.POST.get("keep") != "1":
        return _tests_page(request, kind, asset, budget)
    results = kind.run_tests(asset.name, asset.draft, budget)
    content = kind.keep_answers(asset.draft, results, budget.model)
    edit = Edit(request, make_editable(kind), asset)
    actor, now = actor_of(request), timezone.now()
    saved = edit.save(
        lambda: services.save_draft(
            asset_id=asset.pk, title=None, content=content, actor=actor, now=now
        )
    )
    if saved is None:
        warn_of_conflict(edit, "The answers are not kept.")
        return redirect(f"flows:{kind.name}-tests", asset.name)
    made = f"{budget.calls_made} call{'' if budget.calls_made == 1 else 's'}"
    messages.success(request, f"{made} made; the answers are kept with the tests of the draft.")
    return redirect(f"flows:{kind.name}-tests", asset.name)


def read_budget(posted: Any) -> TestBudget | str:
    """Return the budget that a form asks for, or what is wrong with it."""
    calls, cost = number_in(posted.get("calls", "")), posted.get("cost", "").strip() or "0"
    if not posted.get("model"):
        return "Choose the model to ask."
    if calls is None or not 1 <= calls <= MOST_CALLS:
        return f"Allow 1 to {MOST_CALLS} calls; the command `manage.py prompt test` allows more."
    try:
        most = float(cost)
    except ValueError:
        return "The highest cost is not a number."
    if not 0 <= most < 1e9:  # noqa: PLR2004 - NaN and infinity are neither
        return "The highest cost is not a number."
    return TestBudget(
        model=posted["model"][:120], judge=posted.get("judge", "")[:120], calls=calls, cost=most,
        seconds=SECONDS,
    )  # fmt: skip


def _tests_page(
    request: HttpRequest, kind: AssetKind, asset: Asset, budget: TestBudget, status: int = 200,
    **more: Any,
) -> HttpResponse:  # fmt: skip
    problems = kind.check(asset.draft)
    results = [] if problems else kind.run_tests(asset.name, asset.draft, budget)
    context = {
        **make_context(request, kind, asset, "tests"),
        "here": "Tests",
        "edit": Edit(request, make_editable(kind), asset),
        "problems": problems,
        "results": results,
        "sums": sum_up(results),
        "budget": budget,
        "models": list_models_to_ask(),
        "most_calls": MOST_CALLS,
        **more,
    }
    return render(request, "flows/assets/tests.html", context, status=status)
