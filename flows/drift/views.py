"""How outputs keep to their contracts by day, and learning a contract from recorded runs."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from flows.assets.editables import make_editable
from flows.assets.kinds import get_kind
from flows.assets.models import Asset
from flows.assets.requests import asset_or_404
from flows.assets.services import save_draft
from flows.contracts.model import Contract
from flows.costs.periods import CHOICES, Period, PeriodUnfit, read_period
from flows.drift.charts import Chart, Point, draw_days
from flows.drift.figuring import explain
from flows.drift.forms import LearnForm, list_steps
from flows.drift.models import FieldFigure
from flows.drift.selectors import (
    ALL,
    Watched,
    find_watched,
    list_by_part,
    list_figures,
    list_parts,
    list_watched,
)
from flows.drift.services import ContractNotLearned, create_learned, learn_content
from flows.views.requests import actor_of
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can, reach
from workbench.shell.editing import Edit, warn_of_conflict

PART_TITLES = {"version": "Version", "model": "Model", "trigger": "Trigger"}


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field with its chart, and the rows of the table behind it, the newest first.

    ``is_flat`` says that there is nothing to draw: no index, and nothing missing or outside.
    """

    label: str
    type: str
    chart: Chart | None
    has_index: bool
    is_flat: bool
    newest: FieldFigure | None
    said: str
    rows: Sequence[Mapping[str, Any]]


@requires("insights.view", scope="rows")
@require_GET
def drift_list(request: HttpRequest) -> HttpResponse:
    found = reach(request.user, "insights.view")
    watched = [
        {"of": each, "said": [f"{b.field or 'output'}: {explain(b)}" for b in each.broken]}
        for each in list_watched(found)
    ]
    context = {"watched": watched, "may_learn": can(request.user, "contracts.edit")}
    return render(request, "drift/list.html", context)


@requires("insights.view", scope="rows")
@require_GET
def drift_contract(request: HttpRequest, name: str) -> HttpResponse:
    watched = find_watched(name, reach(request.user, "insights.view"))
    if watched is None:
        raise Http404("There is no released contract of that name that you may see.")
    context = {"watched": watched, "choices": CHOICES, "asked": request.GET}
    try:
        period = read_period(request.GET.dict(), timezone.now())
    except PeriodUnfit as error:
        return render(request, "drift/contract.html", {**context, "unfit": str(error)}, status=422)
    return render(
        request, "drift/contract.html", {**context, **_describe(request, watched, period)}
    )


def _describe(request: HttpRequest, watched: Watched, period: Period) -> dict[str, Any]:
    parts = list_parts(watched.asset, period)
    by, _, part = request.GET.get("part", "").partition(":")
    chosen = (by, part) if (by, part) in parts else ALL
    figures: dict[str, list[FieldFigure]] = defaultdict(list)
    for figure in list_figures(watched.asset, period, chosen):
        figures[figure.field].append(figure)
    contract = watched.contract
    fields = [
        _show_field(rule.path, rule.type, figures.get(rule.path, []), contract, period)
        for rule in contract.fields
    ]
    return {
        "period": period,
        "parts": [
            {"value": f"{by}:{part}", "label": f"{PART_TITLES[by]} {part}",
             "is_chosen": (by, part) == chosen}
            for by, part in parts
        ],
        "chosen": f"{PART_TITLES[chosen[0]]} {chosen[1]}" if chosen != ALL else "All outputs",
        "fields": fields,
        "compared": _compare_parts(watched),
    }  # fmt: skip


def _show_field(
    path: str, its: str, figures: Sequence[FieldFigure], contract: Contract, period: Period
) -> ShownField:
    filled = [figure for figure in figures if figure.outputs]
    has_index = any(figure.psi is not None for figure in filled)
    by_day = {figure.day.day: figure for figure in filled}
    points = [_make_point(day, by_day.get(day), has_index=has_index) for day in period.days]
    newest = filled[-1] if filled else None
    return ShownField(
        path or "the output",
        its,
        draw_days(points, contract.psi_at_least if has_index else None) if filled else None,
        has_index,
        bool(filled) and not has_index and not any(each.missing or each.broken for each in filled),
        newest,
        explain(newest) if newest else "",
        [_show_row(figure) for figure in reversed(filled)],
    )


def _make_point(day: Any, figure: FieldFigure | None, *, has_index: bool) -> Point:
    if figure is None:
        return Point(day, None, is_breach=False, text="")
    value = figure.psi if has_index else (figure.missing + figure.broken) / figure.outputs
    if value is None:
        return Point(day, None, is_breach=bool(figure.said), text="")
    shown = f"PSI {value:.3f}" if has_index else f"{value:.1%} missing or outside"
    said = explain(figure)
    text = f"{day:%-d %B %Y}: {shown}, {figure.outputs} outputs"
    return Point(day, value, bool(said), f"{text}. Breaks the contract: {said}" if said else text)


def _show_row(figure: FieldFigure) -> dict[str, Any]:
    return {
        "of": figure,
        "said": explain(figure),
        "missing": figure.missing / figure.outputs,
        "broken": figure.broken / figure.outputs,
    }


def _compare_parts(watched: Watched) -> list[dict[str, Any]]:
    """Return a row for each part of the newest day: its field with the largest index, and more."""
    if watched.newest is None:
        return []
    parts: dict[tuple[str, str], list[FieldFigure]] = defaultdict(list)
    for figure in list_by_part(watched.newest):
        parts[figure.sliced_by, figure.part].append(figure)
    return [_compare(*named, figures) for named, figures in parts.items()]


def _compare(by: str, part: str, figures: Sequence[FieldFigure]) -> dict[str, Any]:
    farthest = max(figures, key=lambda each: each.psi or 0.0)
    return {
        "title": PART_TITLES[by],
        "part": part,
        "value": f"{by}:{part}",
        "outputs": max(figure.outputs for figure in figures),
        "psi": farthest.psi,
        "field": farthest.field or "the output",
        "ks": max((figure.ks for figure in figures if figure.ks is not None), default=None),
        "said": [f"{each.field or 'output'}: {explain(each)}" for each in figures if each.said],
    }


@requires("contracts.edit", scope="installation")
@require_http_methods(["GET", "POST"])
def learn(request: HttpRequest) -> HttpResponse:
    """Make a contract whose draft is what recorded runs gave."""
    form = _make_form(request)
    if form.is_valid():
        try:
            content = learn_content(**form.window)
            asset = create_learned(
                name=form.chosen_name, content=content, actor=actor_of(request), now=timezone.now()
            )
        except ContractNotLearned as error:
            form.add_error(error.field, error.message)
        else:
            return redirect("flows:contract-edit", asset.name)
    status = 422 if form.errors else 200
    return render(request, "drift/learn.html", {"form": form}, status=status)


@requires("contracts.edit", scope="installation")
@never_cache
@require_http_methods(["GET", "POST"])
def learn_anew(request: HttpRequest, name: str) -> HttpResponse:
    """Replace the draft of a contract by what recorded runs gave."""
    asset = asset_or_404(get_kind("contract"), name)
    edit = Edit(request, make_editable(get_kind("contract")), asset)
    form = _make_form(request, asset)
    if form.is_valid():
        try:
            content = learn_content(**form.window)
        except ContractNotLearned as error:
            form.add_error(error.field, error.message)
        else:
            _replace_draft(edit, asset, content)
            return redirect("flows:contract-edit", asset.name)
    context = {"form": form, "edit": edit, "asset": asset}
    return render(request, "drift/learn.html", context, status=422 if form.errors else 200)


def _make_form(request: HttpRequest, asset: Asset | None = None) -> LearnForm:
    steps = list_steps(reach(request.user, "runs.view"))
    initial = LearnForm.suggest(timezone.now(), asset)
    return LearnForm(request.POST or None, initial=initial, steps=steps, asset=asset)


def _replace_draft(edit: Edit[Asset], asset: Asset, content: dict[str, Any]) -> None:
    """Save what was learned, or say that it was not since the draft is another by now."""
    content["description"] = asset.draft.get("description", "")
    actor, now = actor_of(edit.request), timezone.now()
    saved = edit.save(
        lambda: save_draft(asset_id=asset.pk, title=None, content=content, actor=actor, now=now)
    )
    if saved is None:
        warn_of_conflict(edit, "The draft is not replaced.")
    else:
        told = f"What was learned is revision {saved.draft_revision} of the draft."
        messages.success(edit.request, told)
