"""The flows under examples/: they have no problem, and their own tests pass."""

from pathlib import Path

import pytest

from flows.assets.templates import make_assets
from flows.graph.codec import parse, to_yaml
from flows.graph.model import Document
from flows.graph.validation import validate
from flows.runtime.flow_tests import coverage, run_flow_tests
from flows.selectors.examples import list_examples
from flows.services.templates import AssetMaking
from flows.steps.catalogue import catalogue
from tests.factories.people import ACTOR
from tests.unit.steps.contexts import NOW

EXAMPLES = Path(__file__).parents[3] / "examples"
FLOWS = sorted(EXAMPLES.glob("*/flow.yaml"))


@pytest.fixture(params=FLOWS, ids=[path.parent.name for path in FLOWS])
def flow(request: pytest.FixtureRequest, transactional_db: None) -> Document:
    """Return the document; its assets are there, as when a flow is made of it."""
    example = list_examples().get(f"{request.param.parent.name}/flow")
    if example and example.assets:
        make_assets(example.assets, AssetMaking(None, ACTOR, NOW))
    return parse(Path(request.param).read_text())


def test_the_examples_contain_flows() -> None:
    assert {"consumer_loan", "trivial"} <= {path.parent.name for path in FLOWS}


def test_a_flow_has_no_problem(flow: Document) -> None:
    assert [str(problem) for problem in validate(flow, catalogue())] == []


def test_a_flow_passes_its_own_tests_and_they_reach_every_step(flow: Document) -> None:
    results = run_flow_tests(flow, now=NOW)
    assert {result.name: result.problems for result in results if not result.passed} == {}
    assert coverage(flow, results).missed_steps == ()


def test_a_flow_survives_being_written_and_read(flow: Document) -> None:
    assert parse(to_yaml(flow)) == flow
