"""A contract in a guard: what breaks it is flagged, routed, or stops the run."""

from typing import Any

import pytest

from flows.models import Journal, Run
from flows.services.errors import FlowInvalid
from tests.factories.contracts import make_contract
from tests.integration.guards.guarded import play, publish, publish_document

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = [
    {"path": "score.good", "type": "number", "required": True, "lowest": 0, "highest": 1},
    {"path": "kind", "type": "text", "categories": ["new", "known"]},
]
GOOD = {"score": {"good": 0.5}, "kind": "new"}
BAD = {"score": {"good": 50}, "kind": "new"}


def guard_of(run: Run) -> Any:
    return Journal.objects.get(run_id=run.pk, step="guard", kind="step.finished")


def rule(**more: Any) -> list[Any]:
    return [{"rule": "contract", "contract": "fees", **more}]


def test_a_breach_leaves_by_flagged_and_names_field_and_value() -> None:
    make_contract(fields=FIELDS)
    flow = publish(against=rule(level="critical"))
    assert flow.released is not None
    assert flow.released.pins == {"contract/fees": 1}
    assert play(flow, GOOD).outcome == "good"
    run = play(flow, BAD)
    assert run.outcome == "bad", run.error
    [flag] = guard_of(run).data["flags"]
    assert flag == {
        "label": "Breaks its contract", "level": "critical",
        "detail": "It is above 1. At score.good: “50”. Rule contract.fees@1.range, score 1.00.",
    }  # fmt: skip


def test_a_breach_of_the_level_info_only_flags() -> None:
    make_contract(fields=FIELDS)
    run = play(publish(against=rule(level="info")), BAD)
    assert run.outcome == "good"
    assert [flag["level"] for flag in guard_of(run).data["flags"]] == ["info"]


def test_a_breach_stops_the_run_where_it_is_told_to() -> None:
    make_contract(fields=FIELDS)
    flow = publish(against=rule(then="stop"))
    assert play(flow, GOOD).outcome == "good"
    run = play(flow, {"score": {}, "kind": "other"})
    assert run.status == "failed"
    assert run.error["kind"] == "guard"
    assert run.error["message"] == (
        "Breaks its contract: score.good. It is missing. Rule contract.fees@1.missing."
    )
    run = play(flow, BAD)
    assert run.error["message"] == (
        "Breaks its contract: score.good is 50. It is above 1. Rule contract.fees@1.range."
    )


def test_any_rule_can_stop() -> None:
    run = play(
        publish(against=[{"rule": "secrets", "then": "stop"}]), {"a": "AKIAIOSFODNN7EXAMPL2"}
    )
    assert run.status == "failed"
    assert "Secret: a" in run.error["message"]
    assert "AKIAIOSFODNN7" not in str(run.error)


def test_what_is_masked_is_not_told_by_a_breach_at_its_place() -> None:
    make_contract(fields=FIELDS)
    against = [{"rule": "personal", "then": "mask"}, *rule()]
    run = play(publish(against=against), {**GOOD, "kind": "anna@example.org"})
    written = guard_of(run).data
    assert "contract" in {each["kind"] for each in written["findings"]}
    assert "anna@" not in str(written)


def test_a_contract_that_is_not_there_or_named_by_an_expression_is_refused() -> None:
    with pytest.raises(FlowInvalid):
        publish(against=rule())
    make_contract(fields=FIELDS)
    guard = {"check": "${ input }", "against": [{"rule": "contract", "contract": "${ input.a }"}]}
    document = {
        "schema": "countersign/flow@1", "name": "named", "title": "Named",
        "steps": {"guard": {"type": "guard", "with": guard},
                  "end": {"type": "end", "with": {"outcome": "x"}}},
        "edges": ["guard.clean -> end", "guard.flagged -> end"],
    }  # fmt: skip
    with pytest.raises(FlowInvalid) as refused:
        publish_document(document)
    assert "guard.name" in {each.code for each in refused.value.problems}
