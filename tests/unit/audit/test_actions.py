import pytest

from workbench.audit.actions import (
    ActionTaken,
    UnknownAction,
    describe_action,
    ensure_registered,
    register_action,
)
from workbench.audit.canonical import PayloadNotCanonical, canonical_bytes


def test_an_action_tells_its_sentence_from_the_payload() -> None:
    register_action("test.published", "Published version {version}: {note}")
    told = describe_action("test.published", {"version": 3, "note": "{note}"})
    assert told == "Published version 3: {note}"


def test_a_sentence_survives_an_erased_payload() -> None:
    register_action("test.erased", "Approved {amount}")
    assert describe_action("test.erased", None) == "Approved …"


def test_a_sentence_does_not_reach_into_attributes() -> None:
    register_action("test.reached", "{name.__class__}")
    assert "class" not in describe_action("test.reached", {"name": "x"})


def test_two_apps_cannot_tell_one_action_differently() -> None:
    register_action("test.once", "One")
    register_action("test.once", "One")
    with pytest.raises(ActionTaken):
        register_action("test.once", "Two")


@pytest.mark.parametrize("name", ["published", "Flow.published", "flow.", "flow published"])
def test_an_action_name_is_dotted_lower_case(name: str) -> None:
    with pytest.raises(ValueError, match="dotted"):
        register_action(name, "x")


def test_an_unregistered_action_is_refused() -> None:
    with pytest.raises(UnknownAction):
        ensure_registered("test.never_registered")


@pytest.mark.parametrize("payload", [{"n": float("nan")}, {"n": 2**60}, {"n": object()}])
def test_a_payload_without_a_canonical_form_is_refused(payload: dict[str, object]) -> None:
    with pytest.raises(PayloadNotCanonical):
        canonical_bytes(payload)
