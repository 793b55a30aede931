"""Expressions that are evaluated in a process of their own, with its time and memory bounded."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.expressions import ExpressionError, apart, compile_expression, compile_template
from flows.expressions.apart import evaluate_apart, render_apart

BINDINGS: dict[str, Any] = {
    "input": {"amount": 12, "name": "Grüße\n\u2028", "items": list(range(5_000))}
}


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    yield
    apart._children.end()


def find_child() -> int:
    [child] = apart._children._idle
    return child._process.pid


@pytest.mark.parametrize(
    "source",
    [
        "input.amount * 2", "input.name", "input.missing", "input.amount +", "1 / 0",
        "{'a': [1.5]}",
        "timestamp('2026-03-10T10:00:00Z')", "input.items.map(i, i + 1).size()", "\udc00",
    ],
)  # fmt: skip
def test_the_value_or_the_error_is_that_of_this_process(source: str) -> None:
    def outcome(evaluate: Any) -> Any:
        try:
            return evaluate()
        except ExpressionError as error:
            return error.message, error.remedy, error.position

    assert outcome(lambda: evaluate_apart(source, BINDINGS)) == outcome(
        lambda: compile_expression(source).evaluate(BINDINGS)
    )
    value = {"a": ["${ " + source + " }", "so ${ input.amount }"], "b": None}
    assert outcome(lambda: render_apart(value, BINDINGS)) == outcome(
        lambda: compile_template(value).render(BINDINGS)
    )


def test_one_process_answers_one_request_after_the_other() -> None:
    evaluate_apart("1", {})
    first = find_child()
    evaluate_apart("2", {})
    assert find_child() == first


def test_a_process_that_ended_is_replaced() -> None:
    evaluate_apart("1", {})
    os.kill(find_child(), signal.SIGKILL)
    os.waitid(os.P_PID, find_child(), os.WEXITED | os.WNOWAIT)
    assert evaluate_apart("1 + 1", {}) == 2


def test_what_takes_too_long_is_ended_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate_apart("1", {})
    os.kill(find_child(), signal.SIGSTOP)
    monkeypatch.setattr(apart._children, "_seconds", 0.1)
    with pytest.raises(ExpressionError, match="too long"):
        evaluate_apart("1", {})
    monkeypatch.undo()
    assert evaluate_apart("1 + 1", {}) == 2


def test_no_more_processes_than_two_work_at_a_time_and_who_waits_too_long_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: evaluate_apart(f"{n} + 1", {}), range(40)))
    assert found == list(range(1, 41))
    assert 1 <= len(apart._children._idle) <= 2
    monkeypatch.setattr(apart._children, "_seconds_to_wait", 0.05)
    for _ in range(2):
        apart._children._places.acquire()
    try:
        with pytest.raises(ExpressionError, match="Too many expressions"):
            evaluate_apart("1", {})
    finally:
        for _ in range(2):
            apart._children._places.release()


def test_this_process_goes_on_meanwhile() -> None:
    evaluate_apart("1", {})
    slowest = {"input": {"items": list(range(3_400))}}
    with ThreadPoolExecutor(1) as threads:
        trying = threads.submit(evaluate_apart, "input.items.map(i, i + 1).size()", slowest)
        ticks = 0
        while not trying.done():
            time.sleep(0.001)
            ticks += 1
    assert trying.result() == 3_400
    assert ticks > 10


def test_the_process_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    evaluate_apart("1", {})
    assert b"do not tell" not in Path(f"/proc/{find_child()}/environ").read_bytes()
