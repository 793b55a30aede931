"""Rules on expressions: what they name must exist, and be able to have a value."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from flows.graph.fixes import rename_in_expressions
from flows.graph.model import Json
from flows.graph.problems import Problem, error, suggest, warning
from flows.graph.view import Used, View, resolve_reference

_RUN = ("id", "flow", "version", "started_at")
_STEP = ("output", "port")
_OUTPUT_AT = 3  # steps, the step, output


def check_compiled(view: View) -> Iterator[Problem]:
    for fault in view.broken:
        yield error(
            "expression.wrong", fault.step, fault.field, fault.error.message, fault.error.remedy
        )


def check_steps(view: View) -> Iterator[Problem]:
    for use in view.uses:
        for name in sorted(use.expression.references - set(view.steps)):
            yield error(
                "expression.unknown_step",
                use.step,
                use.field,
                f"There is no step {name}.",
                suggest(name, view.steps),
                fix=rename_in_expressions(view, name),
            )


def check_step_fields(view: View) -> Iterator[Problem]:
    for use, path in _list_paths(view, "steps"):
        if len(path) >= _OUTPUT_AT and path[2] not in _STEP and path[1] in view.steps:
            name = ".".join(path[:_OUTPUT_AT])
            yield error(
                "expression.unknown_field",
                use.step,
                use.field,
                f"There is no {name}.",
                f"Write steps.{path[1]}.output.{path[2]} for a field of its output, "
                f"or steps.{path[1]}.port.",
            )


def check_order(view: View) -> Iterator[Problem]:
    """Warn of steps that cannot have run before, unless the expression tests whether they have."""
    for use in view.uses:
        if not use.step:
            continue
        asked = {path[1] for path in use.expression.tested if path[0] == "steps"}
        known = frozenset(use.expression.references & view.steps.keys())
        for name in sorted(view.find_never_before(use.step, known) - asked):
            yield warning(
                "expression.too_early",
                use.step,
                use.field,
                f"The expression reads {name}, which cannot have run before this step.",
                f"Lead an edge from {name} to here, or test has(steps.{name}) first.",
            )


def check_input_fields(view: View) -> Iterator[Problem]:
    schema = view.document.input
    for use, path in _list_paths(view, "input"):
        yield from _check_field(use, path, 1, schema, "the flow's input")


def check_output_fields(view: View) -> Iterator[Problem]:
    schemas: dict[str, Mapping[str, Json]] = {}
    for use, path in _list_paths(view, "steps"):
        if len(path) > _OUTPUT_AT and path[2] == "output" and path[1] in view.steps:
            if path[1] not in schemas:
                schemas[path[1]] = view.output_schema(path[1])
            yield from _check_field(
                use, path, _OUTPUT_AT, schemas[path[1]], f"the output of {path[1]}"
            )


def check_run_fields(view: View) -> Iterator[Problem]:
    for use, path in _list_paths(view, "run"):
        if len(path) > 1 and path[1] not in _RUN:
            yield error(
                "expression.unknown_field",
                use.step,
                use.field,
                f"A run has no field {path[1]}.",
                suggest(path[1], _RUN),
            )


def check_divisions(view: View) -> Iterator[Problem]:
    for use in view.uses:
        if use.expression.may_drop_remainder:
            yield warning(
                "expression.whole_division",
                use.step,
                use.field,
                "If both values are whole numbers, the remainder is dropped: 1 / 3 is 0.",
                "Write double(a) / double(b).",
            )


def _list_paths(view: View, root: str) -> Iterator[tuple[Used, tuple[str, ...]]]:
    for use in view.uses:
        for path in sorted(use.expression.paths):
            if path[0] == root:
                yield use, path


def _check_field(
    use: Used, path: tuple[str, ...], start: int, schema: Mapping[str, Json], owner: str
) -> Iterator[Problem]:
    """Check a path from ``start`` on against a schema.

    A field that a closed schema lacks is an error; one that an open schema lacks is a warning,
    unless the expression tests whether it is there.
    """
    root = schema
    for at in range(start, len(path)):
        schema = resolve_reference(schema, root)
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
            return
        closed = schema.get("additionalProperties") is False
        place = ".".join([owner, *path[start:at]])
        yield (error if closed else warning)(
            "expression.unknown_field",
            use.step,
            use.field,
            f"{place[0].upper()}{place[1:]} has no field {path[at]}"
            + ("." if closed else " in its schema."),
            suggest(path[at], fields),
        )
        return


def _has_choices(schema: Mapping[str, Json]) -> bool:
    return any(key in schema for key in ("anyOf", "oneOf", "allOf", "patternProperties", "if"))


EXPRESSION_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (
    check_compiled,
    check_steps,
    check_step_fields,
    check_order,
    check_input_fields,
    check_output_fields,
    check_run_fields,
    check_divisions,
)
