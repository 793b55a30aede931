"""What each type of step does to other flows, and that publishing asks for the right to it."""

from typing import Any

import pytest

from flows.graph.codec import parse
from flows.graph.problems import Problem
from flows.graph.rules_reaching import list_reaching
from flows.graph.validation import validate
from flows.steps.catalogue import catalogue
from flows.steps.registry import all_step_types
from flows.triggers.models import TriggerKind
from workbench.accounts.permissions import PERMISSIONS, SCOPED_BY

# A config with which the type reaches beyond its flow, as far as it can, and what that takes.
REACHES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "subflow": ({"flow": "theirs"}, ("runs.start", "runs.view")),
    "for_each": ({"flow": "theirs", "items": [{}]}, ("runs.start", "runs.view")),
    "event.emit": ({"event": "paid"}, ("events.send",)),
    "agent.run": (
        {
            "model": "m",
            "goal": "g",
            "tools": [
                {"name": "t", "description": "d", "type": "subflow", "with": {"flow": "theirs"}}
            ],
        },
        ("runs.start", "runs.view"),
    ),
}
# Why each of the others needs no right beyond that to publish its flow.
STAYS = {
    "agent.turn": "It asks a model that the operator has set up, and chooses among its own tools.",
    "llm.chat": "It asks a model that the operator has set up.",
    "mcp.call": "OUTGOING_ALLOWLIST and the uses of secrets bound whom it calls.",
    "branch": "It chooses ports of its own step.",
    "cancel": "It names steps of its own flow, and cancels them in its own run.",
    "checkpoint.tell": "OUTGOING_ALLOWLIST and the uses of secrets bound whom it calls.",
    "document.read": "It reads files that its run holds.",
    "compensate": "It undoes steps of its own run.",
    "document.classify": "It asks a model that the operator has set up, if any.",
    "document.extract": "It asks a model that the operator has set up, if any.",
    "document.split": "It looks at a document of its own run.",
    "document.unpack": "It reads files that its run holds.",
    "guard": "It reads what it is given, and keeps what it replaces for its own run.",
    "end": "Whoever hears the outcome was asked for runs.view, or called the flow.",
    "event.wait": "It is given what others emit for everybody, and moves no run but its own.",
    "http.request": "OUTGOING_ALLOWLIST and the uses of secrets bound whom it calls.",
    "join": "It waits for paths of its own run.",
    "model.infer": "It asks a model that the operator has set up.",
    "notify": "It writes to mail addresses, and to nothing within the installation.",
    "policy": "It asks rules, here or by a connection that the operator has set up.",
    "python": "It calls a function that the operator has installed.",
    "review.case": "cases.open on the flow, in any queue, comes with the role that may publish it.",
    "rules.table": "It decides by a table that the operator has released, and acts on nothing.",
    "transform": "It calculates.",
    "turn": "It names steps of its own flow, and holds paths of its own run.",
    "wait": "It waits for a time.",
}
# The same of the kinds of triggers.
TRIGGERS = {
    TriggerKind.WEBHOOK: "Its sender has the webhook's own secret.",
    TriggerKind.SCHEDULE: "Nothing but the clock fires it.",
    TriggerKind.EVENT: "Events are for everybody; who emits one under a common name was asked.",
    TriggerKind.FLOW: "runs.view for the other flow is asked for.",
}


def problems(step: dict[str, Any], name: str = "mine") -> list[Problem]:
    document = parse(
        {
            "schema": "countersign/flow@1",
            "name": name,
            "steps": {"s": step, "done": {"type": "end", "with": {"outcome": "done"}}},
            "edges": ["s.done -> done"],
        }
    )
    return [each for each in validate(document, catalogue()) if "reaches" in each.code]


def test_of_each_type_it_is_settled_whether_it_reaches_other_flows() -> None:
    """A new type is added to one of the tables above, with its ``reaches`` or the reason."""
    ours = ("flows.", "reviews.")
    own = {each.name for each in all_step_types() if type(each).__module__.startswith(ours)}
    assert own == REACHES.keys() | STAYS.keys()
    assert set(TRIGGERS) == set(TriggerKind)
    assert all(set(needed) <= PERMISSIONS.keys() for _, needed in REACHES.values())


@pytest.mark.parametrize("kind", REACHES)
def test_what_reaches_other_flows_says_which_right_it_takes(kind: str) -> None:
    config, needed = REACHES[kind]
    document = {"schema": "countersign/flow@1", "name": "mine"}
    steps = {"s": {"type": kind, "with": config}}
    [found] = list_reaching(parse({**document, "steps": steps, "edges": []}), catalogue())
    assert (found.step, found.permissions) == ("s", needed)


@pytest.mark.parametrize("kind", [*REACHES, *STAYS])
@pytest.mark.parametrize("value", [None, 3, [], {}, ["${ input.of }"]])
def test_no_raw_config_makes_it_raise(kind: str, value: Any) -> None:
    config = {"flow": value, "event": value, "version": value}
    steps = {"s": {"type": kind, "with": config}}
    document = {"schema": "countersign/flow@1", "name": "mine", "steps": steps, "edges": []}
    assert isinstance(list_reaching(parse(document), catalogue()), list)


def test_whoever_may_publish_a_flow_may_open_its_cases_in_any_queue() -> None:
    """So ``review.case`` asks for nothing more; a grant for one queue publishes nothing."""
    assert PERMISSIONS["flows.publish"] <= PERMISSIONS["cases.open"]
    assert SCOPED_BY["flows.publish"] == {"flow"}
    assert "flow" in SCOPED_BY["cases.open"]


def test_an_event_under_a_common_name_is_warned_of_before_it_is_published() -> None:
    [found] = problems({"type": "event.emit", "with": {"event": "paid"}})
    assert (found.severity, found.step, found.field) == ("warning", "s", "with.event")
    assert "events.send for the whole installation" in found.message
    assert found.remedy.startswith("Rename it to begin with `mine.`, or have it published by")


@pytest.mark.parametrize(
    "step",
    [
        {"type": "event.emit", "with": {"event": "mine.paid"}},
        {"type": "event.emit", "with": {"event": "mine.${ input.of }"}},
        {"type": "subflow", "with": {"flow": "theirs"}},
        {"type": "subflow", "with": {"flow": "mine"}},
    ],
)
def test_nothing_is_warned_of_where_the_author_has_nothing_to_change(step: dict[str, Any]) -> None:
    assert problems(step) == []
