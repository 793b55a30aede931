"""Rules on expressions: what they name exists, and can have a value."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from flows.graph.fixes import rename_everywhere
from flows.graph.model import Json
from flows.graph.problems import Problem, suggestion
from flows.graph.rules_config import error, warning
from flows.graph.view import Used, View, resolved

_RUN = ("id", "flow", "version", "started_at")
_STEP = ("output", "port")
_OUTPUT_AT = 3  # steps, the step, output


def broken_expressions(view: View) -> Iterator[Problem]:
    for fault in view.broken:
        yield error("expression.wrong", fault.step, fault.field, fault.error.message,
                    fault.error.remedy)  # fmt: skip


def unknown_steps(view: View) -> Iterator[Problem]:
    for use in view.uses:
        for name in sorted(use.expression.references - set(view.steps)):
            yield error("expression.unknown_step", use.step, use.field,
                        f"There is no step {name}.", suggestion(name, view.steps),
                        fix=rename_everywhere(view, name))  # fmt: skip


def unknown_step_fields(view: View) -> Iterator[Problem]:
    for use, path in _paths(view, "steps"):
        if len(path) >= _OUTPUT_AT and path[2] not in _STEP and path[1] in view.steps:
            name = ".".join(path[:_OUTPUT_AT])
            yield error("expression.unknown_field", use.step, use.field, f"There is no {name}.",
                        f"Write steps.{path[1]}.output.{path[2]} for a field of its output, "
                        f"or steps.{path[1]}.port.")  # fmt: skip


def too_early(view: View) -> Iterator[Problem]:
    """A step is named that cannot have run before, and the expression does not ask whether."""
    for use in view.uses:
        if not use.step:
            continue
        asked = {path[1] for path in use.expression.tested if path[0] == "steps"}
        known = frozenset(use.expression.references & view.steps.keys())
        for name in sorted(view.never_before(use.step, known) - asked):
            yield warning("expression.too_early", use.step, use.field,
                          f"{name} cannot have run before this step.",
                          f"Let {name} lead here, or ask has(steps.{name}) first.")  # fmt: skip


def unknown_inputs(view: View) -> Iterator[Problem]:
    schema = view.document.input
    for use, path in _paths(view, "input"):
        yield from _unknown_field(use, path, 1, schema, "the flow's input")


def unknown_outputs(view: View) -> Iterator[Problem]:
    schemas: dict[str, Mapping[str, Json]] = {}
    for use, path in _paths(view, "steps"):
        if len(path) > _OUTPUT_AT and path[2] == "output" and path[1] in view.steps:
            if path[1] not in schemas:
                schemas[path[1]] = view.output_schema(path[1])
            yield from _unknown_field(
                use, path, _OUTPUT_AT, schemas[path[1]], f"the output of {path[1]}"
            )


def unknown_run_fields(view: View) -> Iterator[Problem]:
    for use, path in _paths(view, "run"):
        if len(path) > 1 and path[1] not in _RUN:
            yield error("expression.unknown_field", use.step, use.field,
                        f"A run has no field {path[1]}.", suggestion(path[1], _RUN))  # fmt: skip


def whole_divisions(view: View) -> Iterator[Problem]:
    for use in view.uses:
        if use.expression.may_drop_remainder:
            yield warning("expression.whole_division", use.step, use.field,
                          "Where both values are whole the remainder is lost: 1 / 3 is 0.",
                          "Write double(a) / double(b).")  # fmt: skip


def _paths(view: View, root: str) -> Iterator[tuple[Used, tuple[str, ...]]]:
    for use in view.uses:
        for path in sorted(use.expression.paths):
            if path[0] == root:
                yield use, path


def _unknown_field(
    use: Used, path: tuple[str, ...], start: int, schema: Mapping[str, Json], owner: str
) -> Iterator[Problem]:
    """A field outside a closed schema is an error, outside an open one a warning."""
    root = schema
    for at in range(start, len(path)):
        schema = resolved(schema, root)
        fields = schema.get("properties")
        if not isinstance(fields, Mapping) or not fields or _has_choices(schema):
            return
        if path[at] in fields:
            schema = fields[path[at]] if isinstance(fields[path[at]], Mapping) else {}
            continue
        if (
            path[: at + 1] in use.expression.tested
            and schema.get("additionalProperties") is not False
        ):
            return  # it asks has(…) first
        closed = schema.get("additionalProperties") is False
        place = ".".join([owner, *path[start:at]])
        yield (error if closed else warning)(
            "expression.unknown_field", use.step, use.field,
            f"{place[0].upper()}{place[1:]} has no field {path[at]}"
            + ("." if closed else " that is declared."),
            suggestion(path[at], fields),
        )  # fmt: skip
        return


def _has_choices(schema: Mapping[str, Json]) -> bool:
    return any(key in schema for key in ("anyOf", "oneOf", "allOf", "patternProperties", "if"))


EXPRESSION_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (
    broken_expressions,
    unknown_steps,
    unknown_step_fields,
    too_early,
    unknown_inputs,
    unknown_outputs,
    unknown_run_fields,
    whole_divisions,
)
