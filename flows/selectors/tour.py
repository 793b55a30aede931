"""The first-run tour: from nothing to a flow that ran, one hint at a time.

All that is stored is that a person has ended it. How far somebody has come is read from the flow
itself, so that a stage that was done out of order, or by somebody else, is done.
"""

from dataclasses import dataclass

from django.urls import reverse

from flows.models import Flow, Run, RunStatus
from flows.selectors.problems import list_problems
from workbench.accounts.models import User
from workbench.accounts.permissions import can


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the tour. ``how`` says what to do now; ``url`` leads to where it is done."""

    title: str
    how: str
    action: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Tour:
    """How far somebody is: ``done`` of ``total`` stages, and the one that comes next."""

    done: int
    total: int
    stage: Stage
    flow: Flow | None

    @property
    def finished(self) -> bool:
        return self.done == self.total


# A larger flow is nobody's first, and looking for its problems would hold up its page.
MOST_STEPS = 20
TITLES = ("Make a flow", "Add a step", "Settle its settings", "Publish it", "Start a run")


def get_tour(person: User, flow: Flow | None) -> Tour | None:
    """Return the person's tour on a page of this flow, or None where there is none to show.

    At most two queries; none for whoever may not edit, or has ended the tour.
    """
    if getattr(person, "tour_ended_at", True) or not can(person, "flows.edit"):
        return None
    if flow is None:
        return _tour(0, _first_stage(), None)
    if flow.archived_at or (flow.released and not _is_first_of(flow, person)):
        return None
    if len(flow.draft.get("steps") or ()) > MOST_STEPS:
        return None
    return _tour_of_flow(flow)


def _is_first_of(flow: Flow, person: User) -> bool:
    version = flow.released
    return version is not None and version.number == 1 and version.published_by_id == person.pk


def _tour_of_flow(flow: Flow) -> Tour:
    if flow.released is None:
        done, stage = _stage_of_draft(flow)
        return _tour(done, stage, flow)
    # By hand: what a command or another system started is not what the tour asked for.
    newest = Run.objects.filter(flow=flow, trigger="manual").order_by("-pk").first()
    if newest is None:
        start = reverse("flows:flow-start", args=[flow.name])
        how = "It is released: new runs use it. Start one."
        return _tour(4, Stage(TITLES[4], how, "Start a run", start), flow)
    page = reverse("flows:run-detail", args=[newest.pk])
    if newest.status == RunStatus.COMPLETED:
        how = "Your first flow ran. Its timeline shows what each step got and gave."
        return _tour(5, Stage("That is it", how, "See the run", page), flow)
    how = "The run has begun. Its page says what it does, and what it waits for."
    return _tour(4, Stage("Watch it run", how, "See the run", page), flow)


def _stage_of_draft(flow: Flow) -> tuple[int, Stage]:
    """Return how many stages an unreleased flow has behind it, and the one that comes next."""
    editor = reverse("flows:editor", args=[flow.name])
    steps = flow.draft.get("steps") or {}
    if not steps:
        how = "Press / or drag from the palette: what happens first? Transform needs nothing else."
        return 1, Stage(TITLES[1], how, "Open the editor", editor)
    wrong = next((each for each in list_problems(flow.draft) if each["severity"] == "error"), None)
    if wrong is None:
        publish = reverse("flows:publish", args=[flow.name])
        return 3, Stage(
            TITLES[3], "Nothing is wrong with it. Publish it with a note.", "Publish", publish
        )
    step = steps.get(wrong["step"]) or {}
    if step.get("type") == "transform":
        how = 'Say what the step gives. Under Settings, Output, write: {"greeting": "Hello"}'
    else:
        named = step.get("title") or wrong["step"] or "The flow"
        how = f"{named}: {wrong['message']} {wrong['remedy']}"
    return 2, Stage(TITLES[2], how, "Open the editor", editor)


def _first_stage() -> Stage:
    how = "Draw, publish and run a flow. It takes under three minutes."
    return Stage("Your first flow", how, "Begin", reverse("flows:flow-create") + "?from=blank")


def _tour(done: int, stage: Stage, flow: Flow | None) -> Tour:
    return Tour(done=done, total=len(TITLES), stage=stage, flow=flow)
