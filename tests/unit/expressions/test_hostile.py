"""Expressions that try to take the machine: each is refused, quickly and in little memory."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flows.expressions import ExpressionError, compile_expression, compile_template

BIG: dict[str, Any] = {
    "input": {
        "text": "a" * 100_000,
        "items": list(range(5_000)),
        "rows": [{"tags": ["x"] * 20, "name": "n" * 30} for _ in range(300)],
        "skewed": ["a" * 100_000, *["b"] * 5_000],
        "small": "x" * 60,
    }
}

REFUSED_WHEN_COMPILED = {
    "long": "input.a == 1 || " * 200 + "true",
    "deep brackets": "(" * 300 + "1" + ")" * 300,
    "deep lists": "[" * 200 + "]" * 200,
    "many terms": "+".join(["1"] * 300),
    "three loops deep": "[1].map(a, [1].map(b, [1].map(c, a + b + c)))",
    "seven loops": "[1]" + ".map(a, a)" * 7,
    "bind": "cel.bind(a, 'x', a + a)",
    "block": "cel.block(['x'], cel.index(0) + cel.index(0))",
    "long literal": f"'{'x' * 1_500}'",
    "message": "google.protobuf.Struct{fields: {'a': 1}}",
    "python": "__import__('os').system('ls')",
    "dunder": "input.__class__.__mro__()",
    "unknown function": "input.eval('1')",
    "lists extension": "lists.range(1000000)",
    "all steps": "steps.map(s, s)",
    "all secrets": "secrets",
}

REFUSED_WHEN_EVALUATED = {
    "doubling": "[input.small]" + ".map(a, a + a + a + a + a + a + a + a + a + a + a + a)" * 6,
    "doubling a literal": "['0123456789']" + ".map(a, a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a)" * 6,
    "doubling lists": "[[1, 2]]" + ".map(a, a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a)" * 6,
    "a copy for each item": "input.items.map(i, input.text + 'x')",
    "a copy for each pair": "input.items.map(i, input.items.map(j, 'aaaaaaaaaaaaaaaaaaaa'))",
    "temporary copies": "input.items.all(i, size(input.text + input.text) > 0)",
    "adding up": "+".join(["input.text"] * 20) + " + " + "+".join(["input.text"] * 10)
    + " == '' || [1].all(x, [1].all(y, size((" + "+".join(["input.text"] * 20) + ")) > 0))",
    "replace": "input.text.replace('a', input.text)",
    "replace by nothing": "input.text.replace('', input.text)",
    "join": "input.items.map(i, '').join(input.text)",
    "split": "input.text.split('').map(c, input.text)",
    "format": "input.items.map(i, '%.1000f'.format([1.5]) + '%.1000f'.format([1.5]))",
    "skewed": "input.skewed.map(s, s.replace('a', s))",
    "skewed and nested": "input.skewed.map(s, s.split('').map(c, s))",
    "patterns": "input.items.all(i, input.text.matches('(a*)*(a*)*(a*)*b'))",
    "too many turns": "input.items.all(i, input.items.all(j, i + j >= 0))",
    "concatenation in a condition": "input.items.exists(i, (input.text + string(i)).contains('z'))",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_WHEN_COMPILED)
def test_a_hostile_expression_is_refused_when_compiled(name: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(REFUSED_WHEN_COMPILED[name])
    assert caught.value.remedy


@pytest.mark.timeout(5)
@pytest.mark.parametrize("name", REFUSED_WHEN_EVALUATED)
def test_a_hostile_expression_is_refused_when_evaluated(name: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(REFUSED_WHEN_EVALUATED[name]).evaluate(BIG)
    assert caught.value.remedy


def test_no_hostile_expression_takes_much_memory() -> None:
    """The peak of a process that tries all of them, beside one that tries none."""
    code = (
        "import resource, sys; sys.path[:0] = ['.', {folder!r}]\n"
        "import test_hostile as h\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for source in h.REFUSED_WHEN_EVALUATED.values():\n"
        "    try: h.compile_expression(source).evaluate(h.BIG)\n"
        "    except h.ExpressionError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    ).format(folder=__file__.rsplit("/", 1)[0])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert int(done.stdout) < 100_000  # KiB


def test_a_process_outlives_any_number_of_nulls() -> None:
    """CEL drops a reference to None with each: 200,000 ended a process of Python 3.11."""
    code = (
        "from flows.expressions import compile_expression\n"
        "nulls = compile_expression('[' + ','.join(['null'] * 200) + ']')\n"
        "for _ in range(1_000): nulls.evaluate({})\n"
        "print('alive')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=50,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "alive\n")


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "source",
    [
        "input.text.matches('(a+)+$')",
        "input.text.contains('ab') || input.text.startsWith('a')",
        "input.items.filter(i, i > 4000).map(i, i * 2).size() == 999",
        "input.rows.exists(r, r.tags.exists(t, t == 'y')) == false",
        "input.rows.map(r, r.name + ': ' + r.tags.join(','))[0] != ''",
        "'%s'.format([input.small]).upperAscii().size() == 60",
        "!" * 1_001 + "true == false",
    ],
)
def test_ordinary_work_on_large_input_passes(source: str) -> None:
    assert compile_expression(source, result=bool).evaluate(BIG) is True


def test_input_too_large_to_read_is_refused() -> None:
    bindings = {"input": {"text": "x" * 5_000_000, "amount": 3}}
    with pytest.raises(ExpressionError, match="reads too much data"):
        compile_expression("size(input.text) > 3").evaluate(bindings)
    assert compile_expression("input.amount > 2").evaluate(bindings) is True
    assert compile_expression("has(input.text)").evaluate(bindings) is True


def test_deep_and_infinite_values_are_refused() -> None:
    deep: dict[str, Any] = {}
    here = deep
    for _ in range(50_000):
        here["a"] = {}
        here = here["a"]
    endless: dict[str, Any] = {}
    endless["a"] = endless
    for bad in (deep, endless):
        with pytest.raises(ExpressionError, match="reads too much data"):
            compile_expression("input == input").evaluate({"input": bad})


def test_values_that_are_not_json_are_refused() -> None:
    for bad in (object(), {1, 2}, float("nan"), b"x", 2**70, "\ud800"):
        with pytest.raises(ExpressionError):
            compile_expression("[input.a][0]").evaluate({"input": {"a": bad}})


def test_a_template_cannot_nest_or_grow_without_end() -> None:
    value: Any = "${ 1 }"
    for _ in range(200):
        value = [value]
    with pytest.raises(ExpressionError, match="nests too deeply"):
        compile_template(value)
    with pytest.raises(ExpressionError, match="too long"):
        compile_template("${ input.text }" * 11).render(BIG)


@pytest.mark.parametrize(
    "source",
    [
        "input.many.map(n, n).size() > 0",
        "input.many.filter(n, n > 0).size() > 0",
        "input.items.map(n, n).map(n, n).map(n, n).size() > 0",
    ],
)
def test_a_long_list_that_is_built_item_by_item_is_refused(source: str) -> None:
    bindings = {"input": {"many": list(range(9_000)), "items": list(range(5_000))}}
    with pytest.raises(ExpressionError, match="build or read too much"):
        compile_expression(source).evaluate(bindings)
    assert compile_expression("input.many.exists(n, n == 8999)").evaluate(bindings) is True
