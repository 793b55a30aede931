"""A draft, a file and a version that ask a model which is not there, or not for their flow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from flows.connections.known import KNOWN
from flows.connections.services import set_connection_enabled
from flows.graph.codec import parse, to_yaml
from flows.models import Flow
from flows.selectors.problems import get_cached_problems, list_problems, list_problems_of_file
from flows.services import FlowInvalid, publish_version
from flows.steps import models
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.people import ACTOR

pytestmark = pytest.mark.django_db
Json = Any


class Echo:
    name, version, digest = "risk", "1", "d"

    def predict(self, values: Any) -> Any:
        return {"given": dict(values)}, 1.0, []


@pytest.fixture
def _local_risk() -> Iterator[None]:
    models.LOCAL.register(Echo())
    yield
    models.LOCAL._models.pop("risk")


def document(model: str = "risk") -> dict[str, Json]:
    return {
        "schema": "countersign/flow@1",
        "name": "loan",
        "title": "Loan",
        "steps": {
            "ask": {"type": "model.infer", "with": {"model": model, "input": {}}},
            "done": {"type": "end", "with": {"outcome": "done"}},
        },
        "edges": ["ask.done -> done"],
    }


def codes(found: list[Json]) -> list[str]:
    return [each["code"] for each in found if each["severity"] == "error"]


def all_codes(given: dict[str, Json]) -> list[list[str]]:
    found = (list_problems, get_cached_problems, list_problems_of_file)
    return [codes(each(given)) for each in found]


def test_the_draft_the_editor_and_a_file_name_a_connection_of_other_flows() -> None:
    make_connection(flows=["claims"])
    assert all_codes(document()) == [["connection.not_for_this_flow"]] * 3
    (problem,) = (each for each in list_problems(document()) if each["severity"] == "error")
    assert (problem["step"], problem["field"]) == ("ask", "with.model")
    assert "administrator" in problem["remedy"]


def test_what_was_told_of_a_draft_is_true_again_once_the_connection_changes() -> None:
    assert all_codes(document()) == [["model.unknown"]] * 3
    row = make_connection(flows=["loan"])
    assert all_codes(document()) == [[]] * 3
    set_connection_enabled(name=row.name, enabled=False, actor=ACTOR, now=timezone.now())
    assert all_codes(document()) == [["connection.disabled"]] * 3


@pytest.mark.usefixtures("_local_risk")
def test_a_name_that_two_have_is_an_error() -> None:
    """A connection cannot take the name of a local model, but code can come later."""
    assert all_codes(document()) == [[]] * 3
    make_connection()
    assert all_codes(document()) == [["model.named_twice"]] * 3
    assert models.find_provider("risk") is models.LOCAL


def test_a_kind_whose_code_is_missing_is_told() -> None:
    make_connection(kind="of-another-release")
    assert all_codes(document()) == [["connection.other_kind"]] * 3


def test_a_model_that_an_expression_names_is_left_to_the_run() -> None:
    assert all_codes(document("${ input.model }")) == [[]] * 3


def test_such_a_draft_is_not_published() -> None:
    make_connection(flows=["claims"])
    flow = make_flow()
    Flow.objects.filter(pk=flow.pk).update(draft=document())
    with pytest.raises(FlowInvalid) as refused:
        publish_version(
            flow_id=flow.pk, note="x", author=None, actor=ACTOR, now=timezone.now(),
            revision=flow.draft_revision,
        )  # fmt: skip
    assert [each.code for each in refused.value.problems] == ["connection.not_for_this_flow"]


def test_the_command_that_validates_a_file_says_so(tmp_path: Path, capsys: Any) -> None:
    make_connection(flows=["claims"])
    path = tmp_path / "flow.yaml"
    path.write_text(to_yaml(parse(document())))
    with pytest.raises(SystemExit):
        call_command("flow", "validate", str(path))
    assert "may not use the connection risk" in capsys.readouterr().out


def test_a_database_that_is_away_leaves_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    make_connection()
    assert KNOWN.find("risk")

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("away")

    KNOWN.forget()
    monkeypatch.setattr("flows.connections.known.Connection.objects.order_by", away)
    assert KNOWN.find("risk")
