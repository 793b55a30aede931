"""Champion and challengers: how far people agree with the model in use, and with its shadows.

A shadow suggests nothing to anybody. What it would have suggested is the checkpoint's own
suggestion, evaluated again with the shadow's answer in place of the one in use.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from flows.engine import events
from flows.expressions import ExpressionError, Template, compile_template
from flows.models import FlowVersion, Journal
from flows.runtime.payloads import is_plain
from flows.runtime.program import step_references
from reviews.models.quality import DecisionFact
from reviews.quality.figures import Compared, Share
from reviews.quality.selectors.scope import ABOUT_THE_MODEL

Json = Any
# The newest decisions: their runs' journals are read.
MOST_DECISIONS = 1_000
RUNS_A_QUERY = 250


class _Decided(NamedTuple):
    """A person's decision on a case, and where its suggestion came from."""

    run_id: int
    flow: str
    version: int
    step: str
    outcome: str
    agreed: bool


@dataclass(frozen=True, slots=True)
class _Suggestion:
    """The suggestion of a checkpoint, as its version has it, and the steps that it reads."""

    template: Template
    reads: frozenset[str]


@dataclass(slots=True)
class _Count:
    """``hits`` of ``count`` agreed with the model; ``beside`` is of the one in use on the same."""

    hits: int = 0
    count: int = 0
    beside: int = 0

    def add(self, agreed: bool, beside: bool) -> None:
        self.count += 1
        self.hits += agreed
        self.beside += beside


@dataclass(slots=True)
class _Counts:
    used: defaultdict[str, _Count] = field(default_factory=lambda: defaultdict(_Count))
    shadows: defaultdict[str, _Count] = field(default_factory=lambda: defaultdict(_Count))


def compare_models(facts: QuerySet[DecisionFact]) -> list[Compared]:
    """Return each model of a routed step, the ones in use first, with people's agreement.

    Of the newest decisions on what a model suggested; those are left out whose suggestion reads
    the run's input, or outputs that are kept as artifacts. Two queries, and for each 250 runs two.
    """
    decided = _list_decided(facts)
    suggestions = _read_suggestions(decided)
    counts = _Counts()
    for some in _chunk([each for each in decided if _key(each) in suggestions]):
        made = _read_provenance(some, suggestions)
        outputs = _read_outputs(made, some, suggestions)
        for each in some:
            _count(each, suggestions[_key(each)], made, outputs, counts)
    return [*_list_used(counts), *_list_shadows(counts)]


def _list_used(counts: _Counts) -> Iterator[Compared]:
    for name, n in sorted(counts.used.items()):
        yield Compared(name, "used", Share(n.hits, n.count))


def _list_shadows(counts: _Counts) -> Iterator[Compared]:
    for name, n in sorted(counts.shadows.items()):
        yield Compared(name, "shadow", Share(n.hits, n.count), Share(n.beside, n.count))


def _list_decided(facts: QuerySet[DecisionFact]) -> list[_Decided]:
    about = facts.filter(
        check_kind__in=ABOUT_THE_MODEL, agreed__isnull=False, decision__case__run_id__isnull=False
    )
    case = "decision__case"
    fields = (f"{case}__run_id", "flow", f"{case}__flow_version", f"{case}__step")
    rows = about.order_by("-at").values_list(*fields, "outcome", "agreed")[:MOST_DECISIONS]
    return [_Decided(*row) for row in rows]


_Place = tuple[str, int, str]


def _key(each: _Decided) -> _Place:
    return each.flow, each.version, each.step


def _read_suggestions(decided: Sequence[_Decided]) -> dict[_Place, _Suggestion]:
    """Return the suggestions that read the output of a step, by flow, version and checkpoint."""
    versions = FlowVersion.objects.filter(
        flow__name__in={each.flow for each in decided},
        number__in={each.version for each in decided},
    )
    documents = {
        (flow, number): document
        for flow, number, document in versions.values_list("flow__name", "number", "document")
    }
    found = {}
    for place in {_key(each) for each in decided}:
        steps = documents.get(place[:2], {}).get("steps", {})
        given = (steps.get(place[2], {}).get("with") or {}).get("suggestion")
        if isinstance(given, str) and (reads := step_references(given)):
            found[place] = _Suggestion(compile_template(given), reads)
    return found


def _chunk(decided: Sequence[_Decided]) -> Iterator[Sequence[_Decided]]:
    for at in range(0, len(decided), RUNS_A_QUERY):
        yield decided[at : at + RUNS_A_QUERY]


_ByStep = dict[tuple[int, str], Any]


def _read_provenance(
    decided: Sequence[_Decided], suggestions: Mapping[_Place, _Suggestion]
) -> _ByStep:
    """Return the provenance of each routed step that a suggestion reads: one query."""
    read = _finished(decided, {step for each in suggestions.values() for step in each.reads})
    routed = read.filter(Q(provenance__has_key="route") | Q(provenance__has_key="shadow"))
    rows = routed.order_by("seq").values_list("run_id", "step", "provenance")
    return {(run, step): made for run, step, made in rows}


def _read_outputs(
    made: _ByStep, decided: Sequence[_Decided], suggestions: Mapping[_Place, _Suggestion]
) -> _ByStep:
    """Return what the other steps that suggestions read gave: one query, none if there are none."""
    routed = {step for _, step in made}
    others = {step for each in suggestions.values() for step in each.reads if step not in routed}
    rows = _finished(decided, others).order_by("seq").values_list("run_id", "step", "data", "port")
    return {
        (run, step): {"output": data, "port": port}
        for run, step, data, port in (rows if others else ())
        if is_plain(data)
    }


def _finished(decided: Sequence[_Decided], steps: Collection[str]) -> QuerySet[Journal]:
    runs = {each.run_id for each in decided}
    return Journal.objects.filter(run_id__in=runs, kind=events.STEP_FINISHED, step__in=steps)


def _count(
    each: _Decided, suggestion: _Suggestion, made: _ByStep, outputs: _ByStep, counts: _Counts
) -> None:
    for step in suggestion.reads:
        by = made.get((each.run_id, step))
        if not by:
            continue
        if "route" in by:
            counts.used[str(by.get("model"))].add(each.agreed, each.agreed)
        others = {
            other: outputs[each.run_id, other]
            for other in suggestion.reads
            if (each.run_id, other) in outputs
        }
        for shadow in by.get("shadow") or ():
            if (said := _suggest(suggestion, step, shadow, others)) is not None:
                counts.shadows[str(shadow["model"])].add(said == each.outcome, each.agreed)


def _suggest(
    suggestion: _Suggestion, step: str, shadow: Mapping[str, Json], others: Mapping[str, Json]
) -> str | None:
    """Return what would have been suggested by a shadow's answer, None if that cannot be told."""
    if shadow.get("ended") != "answered":
        return None
    said = shadow.get("output")
    output = {"prediction": said, "answer": said, "confidence": shadow.get("confidence")}
    bindings = {"steps": {**others, step: {"output": output, "port": "done"}}}
    try:
        return str(suggestion.template.render(bindings))
    except ExpressionError:
        return None
