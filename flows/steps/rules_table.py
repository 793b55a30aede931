"""The step type `rules.table`: decide by a decision table, and say which rows decided."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from flows.graph.model import Step
from flows.graph.problems import Problem, error
from flows.steps.base import (
    Json,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.contents import UnknownAsset, find_content
from flows.steps.registry import register
from flows.tables.deciding import Decision, DecisionTable
from flows.tables.errors import TableRefused

# The port, and the kind of failure, of a table in which no row matched.
NONE = "none"


@register
class RulesTable(RunningStep):
    name = "rules.table"
    title = "Decision table"
    summary = "Decides by the rows of a table"
    icon = "table-2"
    category = "Logic"

    class Config(StepConfig):
        table: str = Field(
            pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$",
            title="Table",
            description="The name of a decision table.",
            examples=["limits"],
        )
        inputs: dict[str, Json] = Field(
            default_factory=dict,
            title="Inputs",
            description="A value for each input of the table.",
            examples=[{"amount": "${ input.amount }"}],
        )

    def optional_ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return (NONE,)

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        row = {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "number": {"type": "integer"},
                "note": {"type": "string"},
            },
            "required": ["id", "number", "note"],
        }
        reason = {
            "type": "object",
            "properties": {
                "label": {"type": "string"},
                "contribution": {"type": "number"},
                "detail": {"type": "string"},
            },
            "required": ["label", "contribution", "detail"],
        }
        return {
            "type": "object",
            "properties": {
                "result": {},
                "rows": {"type": "array", "items": row},
                "default": {"type": "boolean"},
                "table": {"type": "string"},
                "reasons": {"type": "array", "items": reason},
            },
            "required": ["result", "rows", "default", "table", "reasons"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        return text_of(config.get("table")) or "Choose a table"

    def list_assets(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        """Return the table, whose version a flow's version pins. Never raise."""
        name = text_of(config.get("table"))
        return (f"table/{name}",) if name and "${" not in name else ()

    def check(self, step: Step) -> Sequence[Problem]:
        return list(_check_inputs(step))

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Return the result, and the rows that it rests on.

        Raises: StepFailure of kind contract for inputs that the table refuses or rows that
        contradict each other, and of kind none where no row matches and there is no default.
        """
        table = _find_table(ctx, config.table)
        try:
            decision = table.decide(config.inputs)
        except TableRefused as refused:
            raise StepFailure(
                f"{refused} {refused.remedy}", kind="contract", retryable=False,
                detail={"at": refused.at},
                provenance={"provider": "table", "table": table.label, "rows": []},
            ) from refused  # fmt: skip
        output, provenance = _to_output(table, decision)
        if decision.is_none:
            raise StepFailure(
                f"No row of {table.label} matches, and it has no default.", kind=NONE,
                retryable=False, detail=output, provenance=provenance,
            )  # fmt: skip
        return Result(output=output, provenance=provenance)


def _find_table(ctx: StepContext, name: str) -> DecisionTable:
    try:
        return find_content(f"table/{name}", ctx.pins.get(f"table/{name}"), DecisionTable)
    except (UnknownAsset, TableRefused) as missing:
        raise StepFailure(str(missing), kind="config", retryable=False) from missing


def _to_output(table: DecisionTable, decision: Decision) -> tuple[dict[str, Json], dict[str, Json]]:
    rows = [{"id": each.id, "number": each.number, "note": each.note} for each in decision.rows]
    output: dict[str, Json] = {
        "result": decision.result,
        "rows": rows,
        "default": decision.is_default,
        "table": table.label,
        "reasons": [
            {
                "label": f"Row {each.number} of {table.label}",
                "contribution": 0.0,
                "detail": each.note,
            }
            for each in decision.rows
        ],
    }
    ids = [each.id for each in decision.rows]
    return output, {"provider": "table", "table": table.label, "rows": ids}


def _check_inputs(step: Step) -> Iterator[Problem]:
    """Yield each input that the released table lacks, and each that it is not given."""
    name, given = text_of(step.config.get("table")), step.config.get("inputs", {})
    if not name or "${" in name or not isinstance(given, Mapping):
        return
    try:
        table = find_content(f"table/{name}", None, DecisionTable)
    except (UnknownAsset, TableRefused):
        return  # Whoever pins the assets that a flow uses says so.
    for missing in sorted(table.variables - given.keys()):
        yield error(
            "table.inputs", step.id, "with.inputs", f"The table {name} needs {missing!r}.",
            f"Give it a value for {missing}, or null.",
        )  # fmt: skip
    for unknown in sorted(given.keys() - table.variables):
        yield error(
            "table.inputs", step.id, f"with.inputs.{unknown}",
            f"The table {name} has no input {unknown!r}.",
            f"It takes {', '.join(sorted(table.variables))}.",
        )  # fmt: skip
