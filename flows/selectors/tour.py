"""The first-run tour: from nothing to a flow that ran, one hint at a time.

Nothing of it is kept but that a person has ended it: how far someone has come is read from the
flow itself, so that a step done out of order, or by somebody else, is simply done.
"""

from dataclasses import dataclass

from django.urls import reverse

from flows.models import Flow, Run, RunStatus
from flows.selectors.faces import list_problems
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
    """Where somebody is: ``done`` of ``total`` stages, and the one at hand."""

    done: int
    total: int
    stage: Stage
    flow: Flow | None

    @property
    def finished(self) -> bool:
        return self.done == self.total


# A larger flow is nobody's first, and to find what is wrong with it would hold up its page.
MOST_STEPS = 20
TITLES = ("Make a flow", "Add a step", "Settle its settings", "Publish it", "Start a run")


def tour_of(person: User, flow: Flow | None) -> Tour | None:
    """Return the person's tour on a page of this flow, or None where there is none to show.

    At most two queries; none for whoever may not edit, or has ended the tour.
    """
    if getattr(person, "tour_ended_at", True) or not can(person, "flows.edit"):
        return None
    if flow is None:
        return _at(0, _making(), None)
    if flow.archived_at or (flow.released and not _is_first_of(flow, person)):
        return None
    if len(flow.draft.get("steps") or ()) > MOST_STEPS:
        return None
    return _of_flow(flow)


def _is_first_of(flow: Flow, person: User) -> bool:
    version = flow.released
    return version is not None and version.number == 1 and version.published_by_id == person.pk


def _of_flow(flow: Flow) -> Tour:
    if flow.released is None:
        done, stage = _drawing(flow)
        return _at(done, stage, flow)
    # By hand: what a command or another system started is not what the tour asked for.
    newest = Run.objects.filter(flow=flow, trigger="manual").order_by("-pk").first()
    if newest is None:
        start = reverse("flows:flow-start", args=[flow.name])
        how = "It is released: new runs use it. Start one."
        return _at(4, Stage(TITLES[4], how, "Start a run", start), flow)
    page = reverse("flows:run-detail", args=[newest.pk])
    if newest.status == RunStatus.COMPLETED:
        how = "Your first flow ran. Its timeline shows what each step got and gave."
        return _at(5, Stage("That is it", how, "See the run", page), flow)
    how = "The run has begun. Its page says what it does, and what it waits for."
    return _at(4, Stage("Watch it run", how, "See the run", page), flow)


def _drawing(flow: Flow) -> tuple[int, Stage]:
    """Return how many stages an unreleased flow has behind it, and the one at hand."""
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


def _making() -> Stage:
    how = "Draw, publish and run a flow. It takes under three minutes."
    return Stage("Your first flow", how, "Begin", reverse("flows:flow-create") + "?from=blank")


def _at(done: int, stage: Stage, flow: Flow | None) -> Tour:
    return Tour(done=done, total=len(TITLES), stage=stage, flow=flow)
