"""The quality page: figures, their filter and their charts."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from reviews.quality.charts import Moment, draw_histogram, draw_over_time, draw_reliability
from reviews.quality.figures import Figures, Filter, Version
from reviews.quality.forms import FilterForm
from reviews.quality.selectors.challengers import compare_models
from reviews.quality.selectors.confidence import sum_by_band
from reviews.quality.selectors.figures import get_figures
from reviews.quality.selectors.scope import facts_within, filter_choices
from reviews.quality.statistics import Shift
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can

# As population_stability is usually read; see its docstring.
STABLE_BELOW, SHIFTED_FROM = 0.1, 0.25


@require_GET
@requires("insights.view", scope="rows")
def first_page(request: HttpRequest) -> HttpResponse:
    return redirect("quality:figures")


@require_GET
@requires("insights.view", scope="rows")
def quality(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    people = can(principal, "insights.people")
    form = FilterForm(request.GET)
    wanted = form.filter(people=people)
    figures = get_figures(principal, wanted, people=people)
    context = {
        "figures": figures,
        "wanted": wanted,
        "form": form,
        "choices": filter_choices(principal, people=people),
        "people": people,
        "compared": compare_models(facts_within(principal, wanted)),
        "narrowed": wanted != Filter(),
        "outcomes": sorted({label for pair in figures.pairs for label in pair}),
        **_charts(figures),
    }
    return render(request, "reviews/quality/figures.html", context)


def _charts(figures: Figures) -> dict[str, Any]:
    weeks = [
        Moment(f"{row.key:%-d %b}", row.overrides.hits, row.overrides.count)
        for row in figures.weeks
    ]
    return {
        "reliability": draw_reliability(figures.calibration.bands),
        "trend": draw_over_time(weeks),
        "versions": [_version_context(each) for each in figures.versions],
    }


def _version_context(each: Version) -> dict[str, Any]:
    bars = draw_histogram(sum_by_band(each.histogram))
    return {"version": each, "bars": bars, "tone": _shift_tone(each.shift)}


def _shift_tone(shift: Shift | None) -> str:
    if shift is None:
        return "idle"
    if shift.psi < STABLE_BELOW:
        return "good"
    return "waiting" if shift.psi < SHIFTED_FROM else "bad"
