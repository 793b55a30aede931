"""What differs from the last run of the flow that completed: the first question on a failure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.models import Run, RunStatus
from flows.runtime.payloads import reveal
from flows.selectors.timeline import StepRun, list_step_runs

Json = Any
MOST_FIELDS = 50


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the input that differs. ``path`` is dotted; an absent value is None."""

    path: str
    was: Json
    now: Json


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that was left otherwise: by which port, or its state; "" if it was not reached."""

    step: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences of a run from ``last``, the last one that completed before it."""

    last: Run
    version_changed: bool
    fields: tuple[FieldChange, ...]
    steps: tuple[StepChange, ...]

    @property
    def is_same(self) -> bool:
        return not (self.version_changed or self.fields or self.steps)


def compare_with_last_success(run: Run, timeline: list[StepRun]) -> Comparison | None:
    """Return the differences from the last completed run before this one: five queries."""
    last = (
        Run.objects.filter(flow=run.flow_id, status=RunStatus.COMPLETED, pk__lt=run.pk)
        .filter(version__part=run.version.part)
        .select_related("flow", "version")
        .order_by("-pk")
        .first()
    )
    if last is None:
        return None
    return Comparison(
        last,
        version_changed=last.version_id != run.version_id,
        fields=tuple(list_changed_fields(reveal(last.input), reveal(run.input)))[:MOST_FIELDS],
        steps=tuple(_list_changed_steps(list_step_runs(last), timeline)),
    )


def list_changed_fields(was: Json, now: Json, path: str = "") -> Iterator[FieldChange]:
    """Yield the leaves that differ between two JSON values."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in [*was, *(key for key in now if key not in was)]:
            yield from list_changed_fields(
                was.get(key), now.get(key), f"{path}.{key}" if path else key
            )
    elif was != now:
        yield FieldChange(path or "input", was, now)


def _list_changed_steps(was: list[StepRun], now: list[StepRun]) -> Iterator[StepChange]:
    before, after = _exits(was), _exits(now)
    for step in [*before, *(step for step in after if step not in before)]:
        if before.get(step, "") != after.get(step, ""):
            yield StepChange(step, before.get(step, ""), after.get(step, ""))


def _exits(timeline: list[StepRun]) -> dict[str, str]:
    """Return the last port of each step, or its state if it was not left."""
    return {each.step: each.port or each.state for each in timeline}
