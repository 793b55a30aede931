"""Expressions give plain JSON of the type that is needed, or say what to correct."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.expressions import ExpressionError, compile_expression, compile_template

BINDINGS: dict[str, Any] = {
    "input": {
        "amount": 12,
        "rate": 1.5,
        "nothing": None,
        "name": "Ann",
        "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}],
        "nested": {"z": 1, "a": {"b": True}},
    },
    "steps": {"score": {"output": {"confidence": 0.9, "reasons": ["x"]}, "port": "done"}},
    "run": {"id": 7, "flow": "loan", "version": 3, "started_at": datetime(2026, 1, 2, tzinfo=UTC)},
}


def evaluate(source: str, **options: Any) -> Any:
    return compile_expression(source, **options).evaluate(BINDINGS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("input.amount > 3", True),
        ("steps.score.output.confidence >= 0.85 && steps.score.port == 'done'", True),
        ("steps['score'].output.reasons[0]", "x"),
        ("input.nested", {"z": 1, "a": {"b": True}}),
        ("input.items.filter(i, i.n > 1).map(i, i.sku)", ["b"]),
        ("input.items.exists(i, i.sku == 'a')", True),
        ("input.nothing == null", True),
        ("has(steps.nope)", False),
        ("has(steps.score) && has(steps.score.output.confidence)", True),
        ("has(steps.nope) ? steps.nope.output.x : 3", 3),
        ("has(input.nested.a)", True),
        ("{'a': [1, 'b', null]}", {"a": [1, "b", None]}),
        ("'%s owes %d'.format([input.name, input.amount])", "Ann owes 12"),
        ("double(input.amount) * 1.5", 18.0),
        ("timestamp('2026-01-01T00:00:00Z') + duration('24h')", "2026-01-02T00:00:00Z"),
        ("duration('90s')", 90),
        ("run.started_at", "2026-01-02T00:00:00Z"),
        ("run.id", 7),
        ("'é😀'", "é😀"),
        ("size(input) > 2 && input.amount == 12", True),
        ("'a' in input.nested", True),
        ("input.items.map(input, input.n)", [1, 2]),
    ],
)
def test_values(source: str, expected: Any) -> None:
    assert evaluate(source) == expected


def test_a_path_gives_the_value_itself_in_its_own_order() -> None:
    assert list(evaluate("input.nested")) == ["z", "a"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("steps.nope.output.x", "The step nope has not run"),
        ("steps.nope.output.x > 3", "The step nope has not run"),
        ("has(steps.nope.output)", "The step nope has not run"),
        ("has(steps.nope) || steps.nope.output.x > 3", "The step nope has not run"),
        ("input.nope", "`input.nope` is missing"),
        ("input.nope == null", "`input.nope` is missing"),
        ("input.name.first", "is text and has no field first"),
        ("input.nothing.x > 1", "is null and has no field x"),
        ("item", "only inside for-each"),
        ("item.x > 1", "only inside for-each"),
        ("secrets.KEY", "Secrets have no values here"),
        ("input.amount / 0", "divides by zero"),
        ("input.amount * 1.5", "Write double(…)"),
        ("input.name + 1", "does not take text and a whole number"),
        ("input.items[7]", "no item at that place"),
        ("int(input.name)", "cannot be converted"),
        ("input.name ? 1 : 2", "not true or false"),
        ("{1: 2}", "not JSON"),
        ("b'a'", "not JSON"),
        ("type(1)", "not JSON"),
        ("0.0 / 0.0", "not JSON"),
        ("[1.0 / 0.0]", "not JSON"),
        ("9223372036854775807 + input.amount", "too large"),
    ],
)
def test_an_expression_that_gives_no_value_fails_closed(source: str, says: str) -> None:
    expression = compile_expression(source)
    with pytest.raises(ExpressionError) as caught:
        expression.evaluate(BINDINGS)
    assert says in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("source", "says", "position"),
    [
        ("", "empty", 0),
        ("1 +", "ends too early", 3),
        ("inputs.amount > 1", "The name inputs is unknown. Did you mean input?", 0),
        ("true || nope", "The name nope is unknown", 8),
        ("'é' + nope", "The name nope is unknown", 6),
        ("true ||\n nope", "The name nope is unknown", 9),
        ("exec('x')", "no function exec", 4),
        ("1 == 'a'", "does not take a whole number and text", 2),
        ("steps", "used without a name", None),
        ("steps[input.name].output", "used without a name", None),
        ("google.protobuf.Int32Value{value: 1}", "cannot be made", None),
        ("'\\ud800'", "Invalid string literal", 0),
        ("\ud800", "half a character", None),
    ],
)
def test_a_wrong_expression_is_refused_with_its_place(
    source: str, says: str, position: int | None
) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source)
    assert says in str(caught.value)
    assert caught.value.position == position


@pytest.mark.parametrize("source", ["input.amount + 1", "'a'", "[true]", "duration('1s')"])
def test_a_condition_of_another_type_is_refused_when_compiled(source: str) -> None:
    if source.startswith("duration"):
        with pytest.raises(ExpressionError):
            evaluate(source, result=bool)
    else:
        with pytest.raises(ExpressionError, match="not true or false"):
            compile_expression(source, result=bool)


@pytest.mark.parametrize("source", ["input.amount", "input.nothing", "input.name", "dyn(1)"])
def test_a_condition_that_turns_out_another_type_fails_closed(source: str) -> None:
    with pytest.raises(ExpressionError, match="not true or false"):
        evaluate(source, result=bool)


def test_one_and_true_differ() -> None:
    with pytest.raises(ExpressionError):
        evaluate("input.nested.a.b", result=int)
    assert evaluate("input.amount", result=float) == 12


def test_errors_never_repeat_a_value() -> None:
    secret = "hunter2-hunter2"
    bindings = {"input": {"key": secret, "many": [secret], "odd": {"a": object()}, "big": 2**70}}
    sources = ["input.key > 1", "int(input.key)", "input.many[3]", "input.key.x", "input.big > 1"]
    sources += ["timestamp(input.key)", "input.odd.a == 1", "'a'.matches(input.key + '(')"]
    for source in sources:
        with pytest.raises(ExpressionError) as caught:
            compile_expression(source).evaluate(bindings)
        assert "hunter2" not in str(caught.value)
        assert str(2**70) not in str(caught.value)


def test_references_and_secrets_are_known() -> None:
    expression = compile_expression("steps.a.output.x > 1 || has(steps.b) || secrets.KEY == 'x'")
    assert expression.references == {"a", "b"}
    assert expression.secrets == {"KEY"}
    assert ("steps", "b") in expression.tested


def test_a_loop_variable_hides_a_name() -> None:
    assert compile_expression("[{'x': 1}].all(steps, steps.x == 1)").references == frozenset()


@pytest.mark.parametrize(
    ("source", "drops"),
    [("input.a / input.b", True), ("double(input.a) / input.b", False), ("input.a / 2.0", False)],
)
def test_a_division_that_may_drop_the_remainder_is_known(source: str, *, drops: bool) -> None:
    assert compile_expression(source).may_drop_remainder is drops


def test_a_template_of_one_expression_keeps_the_type() -> None:
    template = compile_template({"a": "${ input.amount }", "b": [True, "${input.nested}"], "c": 1})
    assert template.render(BINDINGS) == {"a": 12, "b": [True, BINDINGS["input"]["nested"]], "c": 1}


def test_a_longer_text_gives_text() -> None:
    source = "${ input.name }: ${ input.amount } at ${ input.rate }, ${ [1, 'é'] } ${ 2.0 } ${true}"
    assert compile_template(source).render(BINDINGS) == 'Ann: 12 at 1.5, [1, "é"] 2 true'


def test_braces_and_quotes_inside_an_expression_do_not_close_it() -> None:
    assert compile_template("<${ {'a': '}'}.a + \"}\" + r'\\d' }>").render({}) == "<}}\\d>"


def test_two_dollars_stand_for_one() -> None:
    template = compile_template({"a": ["$${ input.x }"]})
    assert template.render({}) == {"a": ["${ input.x }"]}


def test_a_constant_comes_back_as_it_is() -> None:
    source = {"a": [1, {"b": "plain"}]}
    template = compile_template(source)
    assert template.is_constant
    assert template.render({}) is source


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"a": [{"b": "x ${ 1 + } y"}]}, "a[0].b: The expression ends too early"),
        ({"a": "x ${ input.name"}, "a: `${` is not closed"),
    ],
)
def test_a_wrong_template_names_the_path(source: Any, says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template(source)
    assert says in str(caught.value)


def test_a_failing_template_names_the_path() -> None:
    with pytest.raises(ExpressionError, match=r"^a\[0\]: `input.nope` is missing"):
        compile_template({"a": ["x ${ input.nope }"]}).render(BINDINGS)


def test_null_inside_a_text_fails_closed() -> None:
    with pytest.raises(ExpressionError, match="null"):
        compile_template("Dear ${ input.nothing }").render(BINDINGS)


def test_the_position_counts_in_the_whole_text() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_template("Sum: ${  nope }")
    assert caught.value.position == len("Sum: ${  ")


def test_sixteen_threads_get_their_own_values() -> None:
    expression = compile_expression("input.items.map(i, i + 1).size() * 1000 + input.k")
    template = compile_template("${ input.k }-${ input.items[0] }")
    wrong: list[Any] = []

    def work(k: int) -> None:
        for turn in range(150):
            bindings = {"input": {"items": [turn] * (k + 1), "k": k}}
            got = (expression.evaluate(bindings), template.render(bindings))
            if got != ((k + 1) * 1000 + k, f"{k}-{turn}"):
                wrong.append(got)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
