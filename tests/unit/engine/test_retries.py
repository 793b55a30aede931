"""Which errors are tried again, and when."""

import pytest

from flows.engine.retries import delay_before_retry, error_classes, may_retry
from flows.graph.model import Retry


@pytest.mark.parametrize(
    ("retry", "kind", "status", "again"),
    [
        (Retry(3), "timeout", None, True),
        (Retry(3, on=("timeout",)), "timeout", None, True),
        (Retry(3, on=("timeout",)), "connection", None, False),
        (Retry(3, on=("http.5xx",)), "http", 503, True),
        (Retry(3, on=("http.5xx",)), "http", 429, False),
        (Retry(3, on=("http.429",)), "http", 429, True),
        (Retry(3, on=("http",), not_on=("http.501",)), "http", 501, False),
        (Retry(3, not_on=("connection",)), "connection", None, False),
        (Retry(3, not_on=("connection",)), "timeout", None, True),
        # Only an HTTP status makes a class of statuses.
        (Retry(3, on=("http.5xx",)), "exception", 503, False),
    ],
)
def test_the_class_of_an_error_decides(
    retry: Retry, kind: str, status: int | None, again: bool
) -> None:
    classes = error_classes(kind, {} if status is None else {"status": status})
    assert may_retry(retry, classes) is again


def test_the_delay_grows_to_its_cap_and_never_falls_short_of_retry_after() -> None:
    def delay(attempt: int, asked: float | None = None) -> float | None:
        return delay_before_retry(
            Retry(10, initial_seconds=1, factor=2, max_seconds=5, jitter=0),
            attempt=attempt,
            elapsed_seconds=0,
            retry_after_seconds=asked,
            random=0.5,
        )

    assert [delay(n) for n in (1, 2, 3, 4, 9)] == [1, 2, 4, 5, 5]
    assert delay(1, 30) == 30
    assert delay(3, 0.1) == 4
    assert delay(10) is None


def test_a_retry_past_the_deadline_is_not_made() -> None:
    retry = Retry(10, initial_seconds=2, jitter=0, deadline_seconds=10)
    given = {"attempt": 1, "retry_after_seconds": None, "random": 0.5}
    assert delay_before_retry(retry, elapsed_seconds=8, **given) == 2  # type: ignore[arg-type]
    assert delay_before_retry(retry, elapsed_seconds=8.1, **given) is None  # type: ignore[arg-type]
