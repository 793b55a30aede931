"""The examples of docs/flow-document.md are parsed, and found right or wrong as it says."""

import re
from datetime import UTC, datetime
from pathlib import Path

from flows.graph.codec import parse, to_yaml
from flows.graph.schema import json_schema, schema_validator
from flows.graph.validation import RULES, validate
from flows.graph.yaml_text import read_yaml
from flows.runtime.flow_tests import run_flow_tests
from flows.steps.catalogue import catalogue

TEXT = (Path(__file__).parents[3] / "docs/flow-document.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_first_example_is_valid_and_fits_the_schema() -> None:
    document = parse(EXAMPLES[0])
    assert validate(document, catalogue()) == []
    assert parse(to_yaml(document)) == document
    schema_validator(json_schema()).validate(read_yaml(EXAMPLES[0])[0])


def test_the_second_example_has_the_faults_the_text_names() -> None:
    problems = validate(parse(EXAMPLES[1]), catalogue())
    assert {problem.code for problem in problems} == {
        "flow.no_start",
        "loop.no_limit",
        "secret.plain",
        "expression.unknown_step",
        "port.open",
    }


def test_the_documented_test_passes_in_the_first_example() -> None:
    tests = read_yaml(next(text for text in EXAMPLES if text.startswith("tests:")))[0]
    document = parse({**read_yaml(EXAMPLES[0])[0], **tests})
    assert validate(document, catalogue()) == []
    [result] = run_flow_tests(document, now=datetime(2026, 3, 10, tzinfo=UTC))
    assert result.problems == ()


CODE = re.compile(r'(?:error|warning|\))\(\s*"([a-z]+\.[a-z_]+)"')


def test_every_code_is_documented() -> None:
    sources = Path(__file__).parents[3].glob("flows/graph/rules_*.py")
    codes = {code for path in sources for code in CODE.findall(path.read_text(encoding="utf-8"))}
    assert len(codes) >= len(RULES)
    assert [code for code in sorted(codes) if f"`{code}`" not in TEXT] == []
