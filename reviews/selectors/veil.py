"""What of a case is withheld from whom, and until when.

Three rules, applied wherever a case is shown (page, lists, API):
1. Independent first: who may decide a case marked so does not get the model's answer before their
   own first choice is recorded. It is taken out on the server; nothing of it is in the page.
2. A check repeats a case. While someone works on the check, the original is not there for them.
3. A check looks like any other case: its run is shown as it stood at the checkpoint.
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from flows.models import Run
from flows.runtime.program import load_program
from flows.selectors.timeline import StepRun
from reviews.models import Case, Decision, DecisionState, Queue
from reviews.models.quality import CheckState, FirstChoice, QualityCheck, QueuePolicy
from reviews.models.states import ACTIVE
from reviews.rules.choosing import is_drawn
from reviews.selectors.acting import Acting, may
from workbench.accounts.models import User

Json = Any
# Of what a case shows, the parts that are the model's answer.
ANSWER_PARTS = ("confidence", "suggestion", "reasons")


@dataclass(frozen=True, slots=True)
class Veil:
    """``withheld``: the model's answer is kept back. ``first_choice``: what the person chose."""

    withheld: bool = False
    first_choice: FirstChoice | None = None

    def apply_to(self, case: Case) -> Case:
        """Return the case as this person may see it."""
        if not self.withheld:
            return case
        veiled = copy.copy(case)
        answers = _list_answers(case.shown)
        veiled.shown = remove_answer(case.shown)
        veiled.fields = {key: held for key, held in case.fields.items() if key not in answers}
        veiled.confidence = None
        return veiled


def get_veil(case: Case, acting: Acting) -> Veil:
    """Return what is withheld from this person: no query, or one for an independent case."""
    if not case.independent or not may(acting, "cases.decide", queue=case.queue, flow=case.flow):
        return Veil()
    choice = FirstChoice.objects.filter(case=case, user=acting.user).first()
    return Veil(withheld=choice is None and case.state in ACTIVE, first_choice=choice)


def remove_answer(shown: Mapping[str, Json]) -> dict[str, Json]:
    """Return what a case shows, without any trace of the model's answer."""
    keys = _list_answers(shown)
    kept = {name: part for name, part in shown.items() if name not in ANSWER_PARTS}
    if "documents" in kept:
        kept["documents"] = _withhold_boxes(kept["documents"], keys)
    groups = [
        _withhold(group, keys)
        for group in shown.get("show") or ()
        if not group.get("answer") and group.get("reasons") is None
    ]
    return {**kept, "show": groups}


def _list_answers(shown: Mapping[str, Json]) -> set[str]:
    """Return the keys of the fields that are the model's answer."""
    return {
        field["key"]
        for group in shown.get("show") or ()
        for field in group.get("fields") or ()
        if field.get("key") and (group.get("answer") or field.get("answer"))
    }


def _withhold(group: Mapping[str, Json], keys: Collection[str]) -> dict[str, Json]:
    kept = dict(group)
    if group.get("fields") is not None:
        kept["fields"] = [field for field in group["fields"] if not field.get("answer")]
    if group.get("documents") is not None:
        kept["documents"] = _withhold_boxes(group["documents"], keys)
    return kept


def _withhold_boxes(documents: Sequence[Json], keys: Collection[str]) -> list[Json]:
    """Return the documents without the places of these fields, and what was read there."""
    return [
        {**each, "boxes": [box for box in each.get("boxes") or () if box["key"] not in keys]}
        for each in documents
    ]


def is_independent(queue: Queue, run_id: int) -> bool:
    """Return whether a new case of the queue is decided independently first: one query."""
    policy = QueuePolicy.objects.filter(queue=queue).only("independent_percent").first()
    return policy is not None and is_drawn(
        policy.independent_percent, "independent", queue.name, run_id
    )


# --- Checks and what they repeat --------------------------------------------------


def exclude_hidden(user: User) -> Q:
    """Return the condition that leaves out the originals of checks the person works on."""
    works_on = QualityCheck.objects.filter(
        original=OuterRef("pk"), case__familiar=user, case__state__in=ACTIVE
    )
    return ~Q(Exists(works_on))


def list_barred_checks(user: User) -> QuerySet[Case, int]:
    """Return the ids of open checks that the person may not decide, having seen the answer.

    That is: who decided the original, and who has had the same known answer before.
    """
    decided = Decision.objects.filter(
        case=OuterRef("original"), decided_by=user, state=DecisionState.COMMITTED
    )
    had = QualityCheck.objects.filter(known=OuterRef("known"), known__isnull=False, decided_by=user)
    checks = QualityCheck.objects.filter(Exists(decided) | Exists(had), state=CheckState.OPEN)
    return checks.values_list("case_id", flat=True)  # type: ignore[return-value]


def cut_at_checkpoint(
    case: Case, steps: Sequence[StepRun], known: Collection[str]
) -> list[StepRun]:
    """Return the steps of the run up to the checkpoint, and none that followed.

    ``known`` are the steps that the checkpoint reads: all there is to show of a run that never
    came to it.
    """
    came = [number for number, step in enumerate(steps) if step.step == case.step]
    before = steps[: came[0]] if came else [step for step in steps if step.step in known]
    title = steps[came[0]].title if came else case.step.replace("_", " ").capitalize()
    here = StepRun(case.step, 0, 1, "waiting_for_person", case.opened_at, title=title)
    return [*before, here]


def list_seen_steps(case: Case, steps: list[StepRun]) -> list[StepRun]:
    """Return the run as it stood when the case's question came up: one query at most."""
    if case.wait_id is not None:
        return steps
    version_id = Run.objects.filter(pk=case.run_id).values_list("version_id", flat=True).first()
    bound = load_program(version_id).steps.get(case.step) if version_id else None
    return cut_at_checkpoint(case, steps, bound.references if bound else ())
