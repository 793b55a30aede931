"""Step types that only an expansion may hold, written straight into a flow's document."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from flows.agents.config import read_config
from flows.agents.expansion import build_document
from flows.graph.codec import parse, to_yaml
from flows.graph.validation import validate
from flows.models import Flow
from flows.services import create_flow, publish_version
from flows.services.errors import FlowInvalid
from flows.steps.catalogue import catalogue
from flows.steps.registry import all_step_types
from tests.factories.people import ACTOR
from tests.web.api import Api
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
PARTS = [each.name for each in all_step_types() if each.part_of]
REMEDY = "Use a step of type `agent.run` in its place."


def make_document() -> dict[str, Any]:
    """Return what an agent expands to, as if somebody had written it."""
    agent = read_config({"model": "assistant", "goal": "Settle it."})
    return build_document("written", "agent", "Agent", agent)


def make_written_flow() -> Flow:
    return create_flow(
        name="written", title="Written", document=parse(make_document()), author=None, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_validation_refuses_each_type_that_is_a_part_and_names_the_type_to_use(name: str) -> None:
    steps = {"a": {"type": name, "with": {}}, "end": {"type": "end"}}
    document = {"schema": "countersign/flow@1", "name": "x", "steps": steps, "edges": []}
    found = [each for each in validate(parse(document), catalogue()) if each.field == "type"]
    assert [(each.severity, each.code, each.step) for each in found] == [
        ("error", "step.part_only", "a")
    ]
    assert "agent.run" in found[0].remedy


def test_what_an_agent_expands_to_is_valid_as_that_and_as_nothing_else() -> None:
    document = parse(make_document())
    assert validate(document, catalogue(expanding="agent.run")) == []
    assert {each.code for each in validate(document, catalogue())} == {"step.part_only"}


def test_a_part_is_not_proposed_for_a_type_that_is_not_there() -> None:
    document = {**make_document(), "steps": {"a": {"type": "agent.turm"}}, "edges": []}
    found = [each for each in validate(parse(document), catalogue()) if each.field == "type"]
    assert "agent.turn" not in found[0].remedy
    assert "agent.turn" not in str(found[0].fix)


def test_publishing_refuses_it() -> None:
    flow = make_written_flow()
    with pytest.raises(FlowInvalid) as refused:
        publish_version(
            flow_id=flow.pk, note="x", author=None, actor=ACTOR, now=timezone.now(),
            revision=flow.draft_revision,
        )  # fmt: skip
    assert "step.part_only" in {each.code for each in refused.value.problems}
    assert not flow.versions.exists()


def test_the_api_names_it_and_refuses_to_publish_it() -> None:
    make_written_flow()
    api = Api(Role.DESIGNER, Role.LEAD)
    [found] = [
        each for each in api.get("/flows/written").json()["problems"]
        if each["code"] == "step.part_only"
    ]  # fmt: skip
    assert (found["severity"], found["step"], found["remedy"]) == ("error", "turn", REMEDY)
    response = api.post("/flows/written/versions", {"note": "x"}, etag="*")
    assert response.status_code == 422
    assert REMEDY in response.content.decode()


def test_the_commands_name_it_and_exit_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "written.yaml"
    file.write_text(to_yaml(parse(make_document())))
    with pytest.raises(SystemExit):
        call_command("flow", "validate", str(file))
    assert REMEDY in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"agent\.run"):
        call_command("flow", "import", str(file), "--publish", "First")
    assert not Flow.objects.get(name="written").versions.exists()
