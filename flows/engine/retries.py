"""When a failed attempt is tried again. Pure: the caller brings the random number."""

from collections.abc import Mapping
from typing import Any

from flows.graph.model import Retry


def error_classes(kind: str, detail: Mapping[str, Any]) -> frozenset[str]:
    """Return the classes of an error: its kind, and for a status ``http.503`` and ``http.5xx``."""
    status = detail.get("status")
    if kind != "http" or not isinstance(status, int):
        return frozenset({kind})
    return frozenset({kind, f"http.{status}", f"http.{status // 100}xx"})


def may_retry(retry: Retry, classes: frozenset[str]) -> bool:
    """Return whether errors of these classes are tried again. ``not_on`` overrides ``on``."""
    if classes & set(retry.not_on):
        return False
    return not retry.on or bool(classes & set(retry.on))


def delay_before_retry(
    retry: Retry | None,
    *,
    attempt: int,
    elapsed_seconds: float,
    retry_after_seconds: float | None,
    random: float,
) -> float | None:
    """Return the seconds to wait after failed attempt number ``attempt``, or None to give up.

    Exponential: ``initial * factor ** (attempt - 1)``, capped, spread by ``jitter`` to both sides
    (``random`` in 0..1). A destination's Retry-After may lengthen the wait but not shorten it.
    ``elapsed_seconds`` counts from the first attempt: no retry begins after the deadline.
    """
    if retry is None or attempt >= retry.max_attempts:
        return None
    delay = min(retry.initial_seconds * retry.factor ** (attempt - 1), retry.max_seconds)
    delay *= 1 + retry.jitter * (2 * random - 1)
    if retry_after_seconds is not None:
        delay = max(delay, retry_after_seconds)
    if retry.deadline_seconds is not None and elapsed_seconds + delay > retry.deadline_seconds:
        return None
    return delay
