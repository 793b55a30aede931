"""Each rule finds its fault, names the place and says what to do; a correct flow has none."""

# ruff: noqa: E501 - a row of the table of faults stays on its line

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.graph.codec import parse, to_mapping
from flows.graph.model import Document, Edge, Step
from flows.graph.operations import apply
from flows.graph.validation import RULES, Problem, validate


def _load_catalogue() -> Any:
    path = Path(__file__).with_name("catalogue.py")
    spec = importlib.util.spec_from_file_location("graph_catalogue", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CATALOGUE = _load_catalogue().CATALOGUE

GOOD = """
schema: countersign/flow@1
name: loan
input:
  type: object
  additionalProperties: false
  properties:
    amount: {type: number}
    person: {type: object, properties: {age: {type: integer}}}
output: {decision: "${ steps.review.port }"}
steps:
  intake: {type: work, with: {value: "${ input.amount }", times: "${ input.person.age }"}}
  score: {type: score, with: {model: scorecard}, max_visits: 3}
  route:
    type: branch
    with: {cases: [{port: clear, when: steps.score.output.confidence >= 0.85}], otherwise: unsure}
  review: {type: review.case, with: {sla: standard, after_rework: []}}
  done: {type: end}
edges:
  - intake.done -> score
  - score.done -> route
  - score.limit -> done
  - score.error -> done
  - route.clear -> done
  - route.unsure -> review
  - review.approved -> done
  - review.rejected -> done
  - review.rework -> score
"""


def validate_text(text: str) -> list[Problem]:
    problems = validate(parse(text), CATALOGUE)
    assert all(problem.message and problem.remedy for problem in problems)
    return problems


def validate_changed(old: str, new: str) -> list[Problem]:
    assert old in GOOD
    return validate_text(GOOD.replace(old, new))


def validate_flow(steps: str, edges: str = "", rest: str = "") -> list[Problem]:
    lines = "\n".join(f"  - {edge.strip()}" for edge in edges.split(",") if edge.strip())
    return validate_text(
        f"schema: countersign/flow@1\nname: loan\nsteps: {{{steps}}}\nedges:\n{lines}\n{rest}"
    )


def test_a_correct_flow_has_no_problems() -> None:
    assert validate_text(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "step", "field", "remedy"),
    [
        ("name: loan", "name: my loan", "flow.name", "", "name", "letters"),
        ("type: score,", "type: scoer,", "step.unknown_type", "score", "type", "mean score?"),
        ("{model: scorecard}", "{}", "config.missing", "score", "with.model", "Add `model`"),
        ("{model: scorecard}", "{model: 3}", "config.wrong", "score", "with.model", "Correct"),
        ("{model: scorecard}", "{model: x, modle: y}", "config.unknown_field", "score",
         "with.modle", "mean model?"),
        ("{value: \"${ input.amount }\"", "{value: cursed", "work.cursed", "intake", "with.value", "Lift"),
        ("sla: standard, ", "queue: q, ", "checkpoint.no_sla", "review", "with.sla", "sla: standard"),
        ("max_visits: 3}", "max_visits: 0}", "step.out_of_range", "score", "max_visits", "Use 1 to"),
        ("type: end}", "type: end, timeout_seconds: -1}", "step.out_of_range", "done", "timeout_seconds", "Use"),
        ("type: end}", "type: end, retry: {max_attempts: 0}}", "step.out_of_range", "done",
         "retry.max_attempts", "Use 1 to 100"),
        ("type: end}", "type: end, retry: {jitter: 2}}", "step.out_of_range", "done", "retry.jitter", "0 to 1"),
        ("type: end}", "type: end, retry: {on: [http 5]}}", "retry.class", "done", "retry.on[0]", "http.5xx"),
        ("type: end}", "type: end, retry: {on: [a], not_on: [a]}}", "retry.class", "done",
         "retry.not_on", "one list"),
        ("type: end}", "type: end, limit: {key: a}}", "limit.empty", "done", "limit", "per_second"),
        ("type: end}", "type: end, limit: {concurrency: 0}}", "step.out_of_range", "done",
         "limit.concurrency", "Use 1"),
        ("type: end}", "type: end, limit: {concurrency: 1, key: \"${ inptu.a }\"}}",
         "expression.wrong", "done", "limit.key", "input"),
        ("type: end}", "type: end, compensate: undo}", "step.compensate", "done", "compensate", "Use"),
        ("type: end}", "type: end, compensate: done}", "step.compensate", "done", "compensate", "another"),
        ("- route.clear -> done", "- route.cler -> done", "edge.unknown_port", "route", "edges[4]", "clear"),
        ("- route.clear -> done", "- route.clear -> don", "edge.unknown_target", "route", "edges[4]", "done?"),
        ("- route.clear -> done", "- rout.clear -> done", "edge.unknown_source", "", "edges[4]", "route?"),
        ("- route.clear -> done", "- route.clear -> done\n  - route.clear -> done", "edge.twice",
         "route", "edges", "Keep one"),
        ("- route.clear -> done", "", "port.open", "route", "", "Connect route.clear"),
        ("- route.unsure -> review", "", "port.open", "route", "", "Connect route.unsure"),
        ("- review.rejected -> done", "", "port.open", "review", "", "Connect review.rejected"),
        ("  done: {type: end}", "  done: {type: end}\n  lost: {type: end}", "step.unconnected",
         "lost", "", "Draw an edge"),
        (", max_visits: 3", "", "loop.no_limit", "score", "max_visits", "max_visits"),
        (", max_visits: 3", "", "edge.unknown_port", "score", "edges[2]", "opens the port limit"),
        (">= 0.85", "+ 0.85", "expression.wrong", "route", "with.cases[0].when", "Compare"),
        (">= 0.85", ">=", "expression.wrong", "route", "with.cases[0].when", "quotes"),
        ("output.confidence >=", "output.confidense >=", "expression.unknown_field", "route",
         "with.cases[0].when", "mean confidence?"),
        ("score.output.confidence", "scoer.output.confidence", "expression.unknown_step", "route",
         "with.cases[0].when", "mean score?"),
        ("steps.score.output.confidence", "steps.score.confidence", "expression.unknown_field",
         "route", "with.cases[0].when", "steps.score.output.confidence"),
        ("input.amount", "input.amuont", "expression.unknown_field", "intake", "with.value", "mean amount?"),
        ("input.person.age", "input.person.aeg", "expression.unknown_field", "intake", "with.times", "mean age?"),
        ("input.amount }", "steps.review.port }", "expression.too_early", "intake", "with.value",
         "test has(steps.review)"),
        ("steps.review.port", "steps.reviw.port", "expression.unknown_step", "", "output.decision", "review?"),
        ("steps.review.port", "run.numbr", "expression.unknown_field", "", "output.decision", "Use flow, id"),
        ("input.amount }", "input.amount / 3 }", "expression.whole_division", "intake", "with.value", "double"),
        ("input.amount }", "inputs.amount }", "expression.wrong", "intake", "with.value", "mean input?"),
        ("type: object\n", "type: objekt\n", "flow.input_schema", "", "input", "Correct"),
        ("type: object\n", "$ref: 'file:///etc/passwd'\n  type: object\n", "flow.input_schema", "", "input", "$defs"),
    ],
)  # fmt: skip
def test_each_fault_of_a_document_is_found(
    old: str, new: str, code: str, step: str, field: str, remedy: str
) -> None:
    problems = validate_changed(old, new)
    matching = [p for p in problems if (p.code, p.step, p.field) == (code, step, field)]
    assert matching, problems
    assert any(remedy in problem.remedy for problem in matching), matching


def list_codes(problems: list[Problem], severity: str = "error") -> list[str]:
    return [problem.code for problem in problems if problem.severity == severity]


def test_a_flow_needs_steps_and_a_start() -> None:
    assert list_codes(validate_flow("")) == ["flow.empty"]
    loop = "a: {type: work, max_visits: 2}, b: {type: work}"
    assert list_codes(validate_flow(loop, "a.done -> b, b.done -> a")) == ["flow.no_start"]


def test_a_loop_that_nothing_leads_to_is_unreachable() -> None:
    steps = "s: {type: work}, a: {type: work, max_visits: 2}, b: {type: work}"
    problems = validate_flow(steps, "s.error -> s, a.done -> b, b.done -> a")
    assert [p.step for p in problems if p.code == "step.unreachable"] == ["a", "b"]


def test_a_step_name_must_fit_an_expression() -> None:
    assert list_codes(validate_flow("my-step: {type: end}")) == ["step.name"]
    assert list_codes(validate_flow("in: {type: end}")) == ["step.name"]


def test_a_step_that_loops_on_itself_is_a_start_and_needs_a_limit() -> None:
    assert list_codes(validate_flow("a: {type: work}", "a.error -> a")) == ["loop.no_limit"]
    assert list_codes(validate_flow("a: {type: work, max_visits: 3}", "a.error -> a")) == []


def test_each_knot_of_loops_is_named_once() -> None:
    steps = ", ".join(f"{name}: {{type: work}}" for name in "sabcd")
    edges = "s.done -> a, a.done -> b, b.done -> a, b.error -> c, c.done -> d, d.done -> c"
    assert list_codes(validate_flow(steps, edges)) == ["loop.no_limit", "loop.no_limit"]


def test_the_fix_of_a_loop_is_an_operation() -> None:
    (problem,) = validate_flow("a: {type: work}", "a.error -> a")
    assert problem.fix == [{"op": "set_field", "step": "a", "path": "/max_visits", "value": 5}]


@pytest.mark.parametrize(
    ("old", "new", "fixed"),
    [
        ("type: score,", "type: scoer,", ""),
        ("- route.clear -> done", "- route.cler -> done", ""),
        ("- route.clear -> done", "- route.clear -> don", ""),
        ("- route.clear -> done", "- rout.clear -> done", ""),
        ("- review.rejected -> done", "", "Connect port rejected to a new end"),
        (", max_visits: 3", "", ""),
        ("score.output.confidence", "scoer.output.confidence", "Rename scoer to score in 1 expression"),
        ("steps.review.port", "steps.reviw.port", "Rename reviw to review in 1 expression"),
    ],
)  # fmt: skip
def test_a_fix_corrects_its_fault(old: str, new: str, fixed: str) -> None:
    document = to_mapping(parse(GOOD.replace(old, new)))
    before = validate(parse(document), CATALOGUE)
    problem = next(each for each in before if each.fix)
    for operation in problem.fix or ():
        document, _ = apply(document, dict(operation))
        assert fixed in operation.get("label", "")
    after = validate(parse(document), CATALOGUE)
    assert len(after) < len(before)
    assert problem.code not in {each.code for each in after}


JOIN = "j: {type: join, with: {mode: count, n: %d}}"
SPLIT = "s: {type: work}, a: {type: work}, b: {type: work}, "
CHOICE = (
    "s: {type: branch, with: {cases: [{port: x, when: 'true'}], otherwise: y, inclusive: %s}}, "
)


def test_a_join_that_counts_more_than_its_inputs_waits_forever() -> None:
    edges = "s.done -> a, s.done -> b, a.done -> j, b.done -> j"
    assert list_codes(validate_flow(SPLIT + JOIN % 3, edges)) == ["join.waits_for_ever"]
    assert list_codes(validate_flow(SPLIT + JOIN % 2, edges)) == []


def test_a_join_that_counts_paths_of_which_only_one_is_taken_waits_forever() -> None:
    work = "a: {type: work}, b: {type: work}, "
    edges = "s.x -> a, s.y -> b, a.done -> j, b.done -> j"
    assert list_codes(validate_flow(CHOICE % "false" + work + JOIN % 2, edges)) == [
        "join.waits_for_ever"
    ]
    assert list_codes(validate_flow(CHOICE % "true" + work + JOIN % 2, edges)) == []
    assert list_codes(validate_flow(CHOICE % "false" + work + JOIN % 1, edges)) == []
    everything = "j: {type: join, with: {mode: all}}"
    assert list_codes(validate_flow(CHOICE % "false" + work + everything, edges)) == []


def test_done_and_error_of_one_step_do_not_both_arrive() -> None:
    edges = "s.done -> j, s.error -> j"
    assert list_codes(validate_flow("s: {type: work}, " + JOIN % 2, edges)) == [
        "join.waits_for_ever"
    ]


def test_a_loop_may_bring_any_number_to_a_join() -> None:
    steps = "s: {type: work}, a: {type: work, max_visits: 3}, "
    edges = "s.done -> a, a.error -> a, a.done -> j, a.limit -> j"
    assert list_codes(validate_flow(steps + JOIN % 2, edges)) == []


@pytest.mark.parametrize(
    "config",
    [
        "headers: {Authorization: Bearer abcdefgh12345}",
        "headers: {X-Api-Key: abc}",
        "headers: {note: sk-abcdefghijklmnop1234}",
        "value: {password: hunter2}",
        "value: {db: {client_secret: x}}",
        "value: [AKIAABCDEFGHIJKLMNOP]",
        "value: 'postgres://user:pass@db/x'",
        "value: '-----BEGIN RSA PRIVATE KEY-----'",
        "value: {apiKey: abc}",
    ],
)
def test_a_secret_in_plain_text_is_found_and_not_repeated(config: str) -> None:
    (problem,) = validate_flow(f"a: {{type: work, with: {{{config}}}}}")
    assert problem.code == "secret.plain"
    assert "secrets.NAME" in problem.remedy
    assert "hunter2" not in str(problem)
    assert "abcdefgh12345" not in str(problem)


@pytest.mark.parametrize(
    "config",
    [
        "headers: {Authorization: 'Bearer ${ secrets.KEY }'}",
        "headers: {password: '${ secrets.KEY }'}",
        "value: {required: [password], properties: {password: {type: string}}}",
        "value: {max_tokens: 300, token_count: many, monkey: banana, password: ''}",
        "value: 'https://example.org/a:b@c'",
    ],
)
def test_text_that_is_not_a_secret_is_left_alone(config: str) -> None:
    assert validate_flow(f"a: {{type: work, with: {{{config}}}}}") == []


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ("value: {password: '${ secrets.KEY }'}", "with.value.password"),
        ("value: '${ [secrets.KEY].size() }'", "with.value"),
        ("headers: {a: '${ secrets.KEY.substring(0, 2) }'}", "with.headers.a"),
        ("headers: {a: '${ secrets.KEY + input.x }'}", "with.headers.a"),
        ("headers: {a: '${ secrets.KEY == input.x ? 1 : 2 }'}", "with.headers.a"),
        ("headers: {a: '${ has(secrets.KEY) }'}", "with.headers.a"),
    ],
)
def test_a_secret_is_read_whole_and_only_in_a_field_made_for_it(config: str, field: str) -> None:
    problems = validate_flow(f"a: {{type: work, with: {{{config}}}}}")
    assert ("secret.misplaced", field) in [(each.code, each.field) for each in problems]


def test_a_flows_output_reads_no_secret() -> None:
    problems = validate_flow("a: {type: work}", rest="output: {k: '${ secrets.KEY }'}")
    assert [each.code for each in problems] == ["secret.misplaced"]


def test_a_secret_field_takes_an_expression_only() -> None:
    assert list_codes(validate_flow("a: {type: login, with: {pin: '1234'}}")) == ["secret.plain"]
    assert list_codes(validate_flow("a: {type: login, with: {pin: '${ secrets.PIN }'}}")) == []


def test_reading_a_step_that_cannot_have_run_is_a_warning_unless_tested() -> None:
    steps = "a: {type: work, with: {value: '${ %s }'}}, b: {type: work}"
    edge = "a.done -> b"
    assert list_codes(validate_flow(steps % "steps.b.port", edge), "warning") == [
        "expression.too_early"
    ]
    assert validate_flow(steps % "has(steps.b) ? steps.b.port : 0", edge) == []
    assert list_codes(validate_flow(steps % "steps.a.port", edge), "warning") == [
        "expression.too_early"
    ]


def test_an_undeclared_input_of_an_open_contract_is_a_warning() -> None:
    steps = "a: {type: work, with: {value: '${ input.b }'}}"
    assert validate_flow(steps) == []
    assert validate_flow(steps, rest="input: {type: object}") == []
    contract = "input: {properties: {%s: {}}}"
    assert validate_flow(steps, rest=contract % "b") == []
    assert list_codes(validate_flow(steps, rest=contract % "c"), "warning") == [
        "expression.unknown_field"
    ]
    asked = "a: {type: work, with: {value: '${ has(input.b) ? input.b : 0 }'}}"
    assert validate_flow(asked, rest=contract % "c") == []


def test_two_cases_that_share_a_port_give_a_warning() -> None:
    cases = "[{port: x, when: 'true'}, {port: x, when: 'false'}]"
    problems = validate_flow(
        f"s: {{type: branch, with: {{cases: {cases}, otherwise: x}}}}", "s.x -> s"
    )
    assert "branch.port_twice" in list_codes(problems, "warning")


def test_errors_come_first() -> None:
    severities = [
        problem.severity for problem in validate_changed("- route.clear -> done", "- x.y -> z")
    ]
    assert severities == sorted(severities, key=["error", "warning"].index)


def test_a_large_flow_is_validated_quickly() -> None:
    steps = {f"s{i}": Step(f"s{i}", "work", config={"value": f"${{ steps.s{max(i - 1, 0)}.port }}"})
             for i in range(1_000)}  # fmt: skip
    edges = tuple(Edge(f"s{i}", "done", f"s{i + 1}") for i in range(999))
    problems = validate(Document(name="long", steps=steps, edges=edges), CATALOGUE)
    assert list_codes(problems, "warning") == ["expression.too_early"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6)
    | st.sampled_from(["${ input.a }", "${", "${ steps.a.output.x }", "when", "count", "all"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["cases", "port", "when", "n", "mode", "sla", "properties", "x"]),
                      inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
configs = st.dictionaries(
    st.sampled_from(["n", "mode", "sla", "inclusive", "value", "headers"]), anything, max_size=4
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_rule_ever_raises(data: st.DataObject) -> None:
    names = st.sampled_from(["a", "b", "c", "d", "in", "é"])
    steps = {
        name: Step(
            name,
            data.draw(st.sampled_from([*CATALOGUE, "nope"])),
            config=data.draw(configs),
            max_visits=data.draw(st.none() | st.integers(-2, 5)),
            compensate=data.draw(st.none() | names),
        )
        for name in data.draw(st.sets(names))
    }
    ports = st.sampled_from(["done", "error", "limit", "approved", "x"])
    edges = data.draw(st.lists(st.builds(Edge, names, ports, names), max_size=12))
    contract = st.dictionaries(st.text(max_size=4), anything, max_size=3)
    document = Document(
        name="x",
        steps=steps,
        edges=tuple(edges),
        input=data.draw(contract),
        output=data.draw(contract),
    )
    for problem in validate(document, CATALOGUE):
        assert problem.message
        assert problem.remedy


def test_every_rule_is_listed_once() -> None:
    assert len(set(RULES)) == len(RULES)


def test_only_a_step_that_is_called_and_does_not_act_outside_is_stable() -> None:
    from flows.steps.catalogue import catalogue

    steps = {
        "look": {"type": "http.request", "with": {"url": "https://x.test/"}},
        "act": {"type": "http.request", "with": {"url": "https://x.test/", "method": "POST"}},
        "wait": {"type": "wait", "with": {"seconds": 1}},
    }
    document = parse(
        {
            "schema": "countersign/flow@1",
            "name": "stable",
            "steps": {name: {**step, "cache": {"ttl_seconds": 60}} for name, step in steps.items()},
            "edges": ["look.done -> act", "act.done -> wait"],
        }
    )
    found = {(p.step, p.code) for p in validate(document, catalogue()) if "cache" in p.code}
    assert found == {("act", "cache.acts"), ("wait", "cache.waits")}


REWORKED = """
schema: countersign/flow@1
name: loan
steps:
  begin: {type: work}
  a: {type: work, max_visits: 3}
  route: {type: branch, with: {cases: [{port: clear, when: "true"}], otherwise: unsure}}
  review: {type: review.case, with: {sla: s%s}}
  settle: {type: work}
  referred: {type: end}
edges:
  - begin.done -> a
  - a.done -> route
  - a.limit -> referred
  - route.clear -> settle
  - route.unsure -> review
  - review.approved -> settle
  - review.rejected -> settle
  - review.expired -> settle
  - review.rework -> %s
"""


@pytest.mark.parametrize(
    ("config", "back_to", "codes"),
    [
        ("", "a", ["rework.comes_back"]),
        (", after_rework: []", "a", []),
        (", after_rework: [referred]", "a", []),
        (", after_rework: [settle]", "a", ["rework.automatic"]),
        (", after_rework: [setle]", "a", ["rework.unknown_step"]),
        ("", "settle", ["rework.no_people"]),
        ("", "referred", []),
    ],
)
def test_a_way_from_rework_past_people_is_named(
    config: str, back_to: str, codes: list[str]
) -> None:
    found = validate_text(REWORKED % (config, back_to))
    assert [each.code for each in found if each.code.startswith("rework.")] == codes
