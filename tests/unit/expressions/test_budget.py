"""One rendering stays within a second and 256 MB, whatever its template and its input hold.

The renderings run in a process of their own, so that its peak is theirs. It is the peak of all of
them, and so no less than that of any one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.expressions import ExpressionError, compile_expression, compile_template

Json = Any
SECONDS, MEGABYTES = 1.0, 256
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
RENDERER = """
import gc, json, resource, sys, time
from flows.expressions import ExpressionError, compile_template

def measure():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def make(kind, count):
    return {
        "numbers": lambda: list(range(count)),
        "fractions": lambda: [n / 7 for n in range(count)],
        "text": lambda: "a" * count,
        "wide text": lambda: "\\u4e2d" * count,
        "texts": lambda: ["abcdefgh"] * count,
        "rows": lambda: [{"a": n, "b": "x", "c": [n, n]} for n in range(count)],
        "empty": lambda: [[] for _ in range(count)],
        "fields": lambda: {f"field{n}": n for n in range(count)},
    }[kind]()

compile_template("${ [1].map(a, a).size() }").render({})
gc.collect()
before = measure()
for line in sys.stdin:
    texts, copies, given = json.loads(line)
    template = compile_template([text for text in texts for _ in range(copies)])
    bindings = {"input": {name: make(*asked) for name, asked in given.items()}}
    began, refusal = time.process_time(), ""
    try:
        rendered = template.render(bindings)
    except ExpressionError as error:
        refusal = str(error)
    seconds = time.process_time() - began
    rendered = None
    print(json.dumps([seconds, measure() - before, refusal]), flush=True)
"""


@dataclass
class Renderer:
    """A process that renders templates, and the most that one took there."""

    stdin: IO[str]
    stdout: IO[str]
    seconds: float = 0
    megabytes: float = 0
    refused: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})

    def render(self, texts: list[str], copies: int, inputs: Json) -> str:
        """Return the refusal, or "". Assert what the rendering took."""
        print(json.dumps([texts, copies, inputs]), file=self.stdin, flush=True)
        seconds, megabytes, refusal = json.loads(self.stdout.readline())
        self.seconds, self.megabytes = max(self.seconds, seconds), max(self.megabytes, megabytes)
        self.refused[bool(refusal)] += 1
        assert seconds < SECONDS, (seconds, texts, copies, inputs, refusal)
        assert megabytes < MEGABYTES, (megabytes, texts, copies, inputs, refusal)
        return str(refusal)


@contextmanager
def run_renderer() -> Iterator[Renderer]:
    with subprocess.Popen(
        [sys.executable, "-c", RENDERER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdin
        assert process.stdout
        renderer = Renderer(process.stdin, process.stdout)
        yield renderer
        process.stdin.close()
    sys.stdout.write(
        f"at most {renderer.seconds:.2f} s and {renderer.megabytes:.0f} MB, "
        f"{renderer.refused[True]} refused, {renderer.refused[False]} rendered\n"
    )


HOSTILE: dict[str, tuple[list[str], int, Json]] = {
    "the whole input again and again": (["${ input }"], 6_000, {"a": ("numbers", 200_000)}),
    "a long text again and again": (["${ input.a }"], 6_000, {"a": ("text", 900_000)}),
    "long texts": (["x${ input.a }"], 6_000, {"a": ("text", 900_000)}),
    "long wide texts": (["x${ input.a }"], 6_000, {"a": ("wide text", 900_000)}),
    "rows as text": (["x${ input.a }"], 6_000, {"a": ("rows", 10_000)}),
    "empty lists": (["${ input.a }"], 6_000, {"a": ("empty", 100_000)}),
    "a list read for one number": (["${ input.a.size() }"], 6_000, {"a": ("numbers", 200_000)}),
    "rows read for one": (["${ input.a[0].a > 0 }"], 6_000, {"a": ("rows", 20_000)}),
    "many fields read for one": (["${ size(input.a) }"], 6_000, {"a": ("fields", 50_000)}),
    "short lists read by many": (["${ input.a.exists(n, n < 0) }"], 6_000, {"a": ("numbers", 60)}),
    "one list built": (["${ input.a.map(n, n).size() }"], 1, {"a": ("numbers", 5_000)}),
    "one list filtered": (["${ input.a.filter(n, n >= 0) }"], 1, {"a": ("numbers", 5_000)}),
    "lists built": (["${ input.a.map(n, n).size() }"], 6_000, {"a": ("numbers", 3_000)}),
    "lists filtered": (["${ input.a.filter(n, n >= 0) }"], 6_000, {"a": ("numbers", 3_000)}),
    "pairs": (
        ["${ input.a.map(n, input.a.map(m, n * m)) }"], 6_000, {"a": ("numbers", 90)},
    ),
    "patterns": (
        ["${ input.a.all(t, t.matches('(a{200})|([a-z]{300})')) }"], 6_000, {"a": ("texts", 200)},
    ),
    "many terms": (["${ [" + ", ".join(["input.a"] * 200) + "] }"], 6_000, {"a": ("text", 20)}),
    "texts put together": (["${ input.a + input.a }"], 6_000, {"a": ("wide text", 400_000)}),
    "digits": (["${ '%.1000f'.format([1.5]) }"], 6_000, {}),
    "texts split": (["${ input.a.split('') }"], 6_000, {"a": ("text", 20_000)}),
}  # fmt: skip


@pytest.mark.timeout(120)
def test_each_hostile_template_is_rendered_or_refused_in_bounds() -> None:
    with run_renderer() as renderer:
        for name, (texts, copies, inputs) in HOSTILE.items():
            refusal = renderer.render(texts, copies, inputs)
            sys.stdout.write(f"{name}: {refusal or 'rendered'}\n")


KINDS = ("numbers", "fractions", "text", "wide text", "texts", "rows", "empty", "fields")
PATHS = st.sampled_from(["input.a", "input.b", "input", "item0", "item1"])


def _loops(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from(["item0", "item1"])
    return st.one_of(
        st.builds(lambda of, n, to: f"({of}).map({n}, {to})", inner, names, inner),
        st.builds(lambda of, n: f"({of}).filter({n}, {n} == {n})", inner, names),
        st.builds(lambda of, n, by: f"({of}).filter({n}, {n} == {by})", inner, names, inner),
        st.builds(lambda of, n, by: f"({of}).exists({n}, {n} == {by})", inner, names, inner),
        st.builds(lambda of: f"({of}).split('')", inner),
        st.builds(lambda of: f"({of}).join('xxxxxxxx')", inner),
        st.builds(lambda of, by: f"({of}).replace('a', {by})", inner, inner),
        st.builds(lambda of, by: f"'%s %s'.format([{of}, {by}])", inner, inner),
        st.builds(lambda of: f"({of}).matches('(a|b)*(a{{50}})+c?')", inner),
        st.builds(lambda of: f"string({of}).reverse()", inner),
        st.builds(lambda left, right: f"({left}) + ({right})", inner, inner),
        st.builds(lambda *items: f"[{', '.join(items)}]", inner, inner, inner),
        st.builds(lambda of: f"size({of})", inner),
        st.builds(lambda of: f"({of})[0]", inner),
    )


TEXTS = st.builds(
    lambda before, source: f"{before}${{ {source} }}",
    st.sampled_from(["", "", "x"]),
    st.recursive(PATHS | st.sampled_from(["1", "'abcdefgh'"]), _loops, max_leaves=6),
)


def _compiles(text: str) -> bool:
    try:
        compile_template(text)
    except ExpressionError:
        return False
    return True


@pytest.mark.timeout(300)
def test_every_template_is_rendered_or_refused_in_bounds() -> None:
    with run_renderer() as renderer:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(
            texts=st.lists(TEXTS.filter(_compiles), min_size=1, max_size=3),
            copies=st.sampled_from([1, 30, 2_000]),
            kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
            counts=st.tuples(*[st.sampled_from([3, 60, 1_000, 3_000, 9_000, 60_000])] * 2),
        )
        def attack(
            texts: list[str], copies: int, kinds: tuple[str, ...], counts: tuple[int, ...]
        ) -> None:
            inputs = dict(zip("ab", zip(kinds, counts, strict=True), strict=True))
            renderer.render(texts, copies, inputs)

        attack()


def test_a_refusal_names_the_place_and_the_remedy() -> None:
    template = compile_template({"rows": ["${ input.a.size() }"] * 6_000})
    with pytest.raises(ExpressionError) as caught:
        template.render({"input": {"a": list(range(100_000))}})
    assert caught.value.message.startswith("rows[")
    assert "together would build or read too much" in caught.value.message
    assert "split the step" in caught.value.remedy


def test_each_rendering_has_a_budget_of_its_own() -> None:
    template = compile_template(["${ input.a.size() }"] * 5)
    for _ in range(30):
        assert template.render({"input": {"a": list(range(100_000))}}) == [100_000] * 5


def test_as_many_short_expressions_as_a_flow_may_have_are_rendered() -> None:
    template = compile_template(["${ input.amount * 2 > 10 && input.name != '' }"] * 6_000)
    assert template.render({"input": {"amount": 8, "name": "Ada"}}) == [True] * 6_000


@pytest.mark.parametrize(
    ("source", "size"),
    [
        ("input.many.filter(n, n > 8000)", 999),
        ("input.many.filter(n, n > 8000).map(n, n * 2)", 999),
        ("input.many.map(n, n % 9 == 0, n)", 1_000),
        ("input.many.filter(n, n > 8000 && n > input.floor)", 499),
        ("[1, 2].map(m, m) + input.many.filter(n, n > 8000)", 1_001),
    ],
)
def test_a_filter_costs_what_passes_it_and_not_what_it_looks_at(source: str, size: int) -> None:
    bindings = {"input": {"many": list(range(9_000)), "floor": 8_500}}
    assert len(compile_expression(source).evaluate(bindings)) == size
    with pytest.raises(ExpressionError, match="build or read too much"):
        compile_expression(source).evaluate({"input": {"many": [9_000] * 9_000, "floor": 8_500}})


def test_a_filter_whose_condition_fails_says_why_or_that_it_is_too_large() -> None:
    bindings = {"input": {"many": [*range(8_999), "x"]}}
    with pytest.raises(ExpressionError):
        compile_expression("input.many.filter(n, n + 1 > 8000)").evaluate(bindings)
