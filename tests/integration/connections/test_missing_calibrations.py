"""A draft, a file and a version that name a calibration which their flow has not."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from flows.calibration.keeping import keep_calibration
from flows.calibration.models import Calibration
from flows.graph.codec import parse, to_yaml
from flows.models import Flow
from flows.selectors.problems import get_cached_problems, list_problems, list_problems_of_file
from flows.services import FlowInvalid, publish_version
from tests.factories.connections import make_connection
from tests.factories.flows import make_flow
from tests.factories.people import ACTOR

pytestmark = pytest.mark.django_db
Json = Any
STEPS: list[dict[str, Json]] = [
    {"type": "model.infer", "with": {"model": "risk", "input": {}}},
    {"type": "llm.chat", "with": {"model": "risk", "user": "How risky?"}},
]


@pytest.fixture(params=STEPS, ids=lambda step: step["type"])
def document(request: pytest.FixtureRequest) -> dict[str, Json]:
    make_connection(kind="openai" if request.param["type"] == "llm.chat" else "http")
    asks = {**request.param["with"], "confidence": {"calibrated": {"risk": 1}}}
    return {
        "schema": "countersign/flow@1",
        "name": "loan",
        "title": "Loan",
        "steps": {
            "ask": {**request.param, "with": asks},
            "done": {"type": "end", "with": {"outcome": "done"}},
        },
        "edges": ["ask.done -> done"],
    }


def fit(flow: str = "loan", model: str = "risk") -> None:
    keep_calibration(
        Calibration(
            flow=flow, model=model, method="platt", points=[[0, 0], [1, 1]], decisions=50,
            up_to=1, error_before=0.2, error_after=0.1, fitted_at=timezone.now(), fitted_by="lea",
        )
    )  # fmt: skip


def list_errors(document: dict[str, Json]) -> list[list[str]]:
    found = (list_problems, get_cached_problems, list_problems_of_file)
    return [
        [each["code"] for each in problems(document) if each["severity"] == "error"]
        for problems in found
    ]


def test_draft_editor_and_file_have_the_error_until_it_is_fitted(document: Any) -> None:
    make_flow("loan")
    make_flow("claims")
    # Those of another flow, and of another model, are no help.
    fit(flow="claims")
    fit(model="other")
    assert list_errors(document) == [["calibration.missing"]] * 3
    (problem,) = (each for each in list_problems(document) if each["severity"] == "error")
    assert (problem["step"], problem["field"]) == ("ask", "with.confidence.calibrated.risk")
    assert problem["message"] == "There is no calibration 1 of the model risk in the flow loan."
    assert problem["remedy"] == "Fit it on the page Calibration, or name another."
    fit()
    assert list_errors(document) == [[]] * 3


def test_it_is_not_published(document: Any) -> None:
    flow = make_flow("loan")
    Flow.objects.filter(pk=flow.pk).update(draft=document)

    def publish() -> Any:
        return publish_version(
            flow_id=flow.pk, note="x", author=None, actor=ACTOR, now=timezone.now(),
            revision=flow.draft_revision,
        )  # fmt: skip

    with pytest.raises(FlowInvalid) as refused:
        publish()
    assert [each.code for each in refused.value.problems] == ["calibration.missing"]
    assert flow.versions.count() == 1
    fit()
    assert publish().number == 2


def test_the_command_that_validates_a_file_says_so(
    document: Any, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(to_yaml(parse(document)))
    with pytest.raises(SystemExit):
        call_command("flow", "validate", str(path))
    assert "ask, with.confidence.calibrated.risk: There is no calibration 1" in (
        capsys.readouterr().out
    )
    make_flow("loan")
    fit()
    call_command("flow", "validate", str(path))


@pytest.mark.parametrize("number", ["1", True, None, [1], 1.5])
def test_what_is_no_number_is_an_error_of_the_field(document: Any, number: Json) -> None:
    document["steps"]["ask"]["with"]["confidence"]["calibrated"]["risk"] = number
    found = list_errors(document)
    assert found[0]
    assert "calibration.missing" not in found[0]


@pytest.mark.parametrize("number", [0, -1, 2**40])
def test_a_number_that_no_calibration_has_is_missing(document: Any, number: int) -> None:
    document["steps"]["ask"]["with"]["confidence"]["calibrated"]["risk"] = number
    assert list_errors(document)[0] == ["calibration.missing"]
