"""The tests of an asset: on recorded answers, or against a model in the background."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.assets import services
from flows.assets.asking import MOST_CALLS, read_results, start_test_run, stop_test_run
from flows.assets.editables import make_editable
from flows.assets.errors import AssetInvalid, TestsEnded, TestsUnderWay
from flows.assets.kinds import AssetKind, TestBudget, sum_up
from flows.assets.models import Asset, AssetTestRun, TestRunState
from flows.assets.requests import asset_or_404, make_context
from flows.steps.questions import list_models_to_ask
from flows.views.requests import actor_of, user_of
from workbench.http.numbers import number_in
from workbench.http.rates import limit_model_tries
from workbench.shell.editing import Edit, warn_of_conflict

SHOWN_EARLIER = 10


@require_GET
def asset_tests(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Show how the draft's tests go on the recorded answers. No model is asked."""
    return _tests_page(request, kind, asset_or_404(kind, name))


@require_POST
@limit_model_tries
def run_against_model(request: HttpRequest, kind: AssetKind, name: str) -> HttpResponse:
    """Have a model asked for the draft's tests, under a budget."""
    asset = asset_or_404(kind, name)
    budget = read_budget(request.POST)
    if isinstance(budget, str):
        return _tests_page(request, kind, asset, 422, refusal=budget)
    try:
        run = start_test_run(
            asset=asset, budget=budget, author=user_of(request), actor=actor_of(request),
            now=timezone.now(),
        )  # fmt: skip
    except (AssetInvalid, TestsUnderWay) as error:
        return _tests_page(request, kind, asset, 422, refusal=f"{error} {error.remedy}")
    return redirect(f"flows:{kind.name}-test-run", asset.name, run.pk)


@require_GET
def test_run(request: HttpRequest, kind: AssetKind, name: str, run_id: int) -> HttpResponse:
    """Show how far a model was asked, and the results so far."""
    asset, run = _find_run(kind, name, run_id)
    context = {
        **make_context(request, kind, asset, "tests"),
        "here": "Tests",
        "edit": Edit(request, make_editable(kind), asset),
        **_run_context(asset, run),
    }
    return render(request, "flows/assets/test_run.html", context)


@require_GET
def test_run_results(request: HttpRequest, kind: AssetKind, name: str, run_id: int) -> HttpResponse:
    """Show progress and results alone, which the page fetches after a nudge."""
    asset, run = _find_run(kind, name, run_id)
    context = {
        **make_context(request, kind, asset, "tests"),
        "edit": Edit(request, make_editable(kind), asset),
        **_run_context(asset, run),
    }
    return render(request, "flows/assets/_test_run.html", context)


@require_POST
def stop_tests(request: HttpRequest, kind: AssetKind, name: str, run_id: int) -> HttpResponse:
    _, run = _find_run(kind, name, run_id)
    try:
        stop_test_run(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    except TestsEnded as error:
        messages.info(request, f"{error} {error.remedy}")
    return redirect(f"flows:{kind.name}-test-run", name, run.pk)


@require_POST
def keep_answers(request: HttpRequest, kind: AssetKind, name: str, run_id: int) -> HttpResponse:
    """Record what the model answered with the tests of the draft, if that is still the same."""
    asset, run = _find_run(kind, name, run_id)
    edit = Edit(request, make_editable(kind), asset)
    content = kind.keep_answers(run.content, read_results(run), run.model)
    actor, now = actor_of(request), timezone.now()
    saved = None
    if run.draft_revision == asset.draft_revision:
        saved = edit.save(
            lambda: services.save_draft(
                asset_id=asset.pk, title=None, content=content, actor=actor, now=now
            )
        )
    if saved is None:
        warn_of_conflict(edit, "The answers are not kept.")
        return redirect(f"flows:{kind.name}-test-run", asset.name, run.pk)
    messages.success(request, "The answers are kept with the tests of the draft.")
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
    judge = posted.get("judge", "")[:120]
    return TestBudget(model=posted["model"][:120], judge=judge, calls=calls, cost=most)


def _find_run(kind: AssetKind, name: str, run_id: int) -> tuple[Asset, AssetTestRun]:
    asset = asset_or_404(kind, name)
    run = asset.test_runs.select_related("started_by").filter(pk=run_id).first()
    if run is None:
        raise Http404(f"{name} has no tests {run_id}.")
    return asset, run


def _run_context(asset: Asset, run: AssetTestRun) -> dict[str, Any]:
    results = read_results(run)
    is_same = run.draft_revision == asset.draft_revision
    return {
        "run": run,
        "results": results,
        "sums": sum_up(results),
        "draft_is_same": is_same,
        "may_keep": is_same and not run.is_running and any(each.source for each in results),
        "took": ((run.finished_at or timezone.now()) - run.created_at).total_seconds(),
        "has_failed": run.state == TestRunState.FAILED,
    }


def _tests_page(
    request: HttpRequest, kind: AssetKind, asset: Asset, status: int = 200, **more: Any
) -> HttpResponse:
    problems = kind.check(asset.draft)
    results = [] if problems else kind.run_tests(asset.name, asset.draft, TestBudget())
    runs = asset.test_runs.select_related("started_by").defer("content", "results")
    context = {
        **make_context(request, kind, asset, "tests"),
        "here": "Tests",
        "problems": problems,
        "results": results,
        "sums": sum_up(results),
        "models": list_models_to_ask(),
        "most_calls": MOST_CALLS,
        "runs": list(runs.order_by("-pk")[:SHOWN_EARLIER]),
        "posted": request.POST,
        **more,
    }
    return render(request, "flows/assets/tests.html", context, status=status)
