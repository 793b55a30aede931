"""The facts of step types for validation, so that flows.graph needs no Django."""

from collections.abc import Mapping

from flows.graph.validation import TypeFacts
from flows.steps.base import RunningStep, StepType
from flows.steps.registry import all_step_types


def catalogue(*, expanding: str = "") -> Mapping[str, TypeFacts]:
    """Return the facts of every registered step type, by name.

    ``expanding`` is the type whose expansion is looked at, which may have its own parts.
    """
    return {each.name: _collect_facts(each, expanding) for each in all_step_types()}


def _collect_facts(step_type: StepType, expanding: str) -> TypeFacts:
    return TypeFacts(
        name=step_type.name,
        part_of="" if step_type.part_of == expanding else step_type.part_of,
        ports=step_type.ports,
        optional_ports=step_type.optional_ports,
        config_schema=step_type.Config.model_json_schema(),
        output_schema=step_type.output_schema,
        waits=step_type.waits,
        runs=isinstance(step_type, RunningStep),
        secret_fields=step_type.secret_fields,
        secret_places=step_type.list_secret_places,
        check=step_type.check,
        acts_outside=step_type.acts_outside,
        reaches=step_type.reaches,
        asking=step_type.asking,
    )
