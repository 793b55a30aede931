"""Rules on what bounds a step: timeouts, visits, retries, limits and caches."""

import re
from collections.abc import Callable, Iterable, Iterator

from flows.graph.model import Limit, Retry, Step
from flows.graph.problems import Problem, error
from flows.graph.view import View

DAY = 86_400
_ERROR_CLASS = re.compile(r"[a-z_]+\Z|http\.[1-5]([0-9]{2}|xx)\Z")


def check_limits(view: View) -> Iterator[Problem]:
    for name, step in view.steps.items():
        yield from _check_range(name, "timeout_seconds", step.timeout_seconds, 0.001, 30 * DAY)
        yield from _check_range(name, "max_visits", step.max_visits, 1, 10_000)
        if step.retry is not None:
            yield from _check_retry(name, step.retry)
        if step.limit is not None:
            yield from _check_limit(view, name, step.limit)
        if step.cache is not None:
            yield from _check_cache(view, name, step)


def _check_retry(step: str, retry: Retry) -> Iterator[Problem]:
    yield from _check_range(step, "retry.max_attempts", retry.max_attempts, 1, 100)
    yield from _check_range(step, "retry.initial_seconds", retry.initial_seconds, 0, DAY)
    yield from _check_range(step, "retry.factor", retry.factor, 1, 100)
    yield from _check_range(step, "retry.max_seconds", retry.max_seconds, 0, 7 * DAY)
    yield from _check_range(step, "retry.jitter", retry.jitter, 0, 1)
    yield from _check_range(step, "retry.deadline_seconds", retry.deadline_seconds, 0.001, 30 * DAY)
    for field in ("on", "not_on"):
        for index, name in enumerate(getattr(retry, field)):
            if not _ERROR_CLASS.match(name):
                yield error(
                    "retry.class",
                    step,
                    f"retry.{field}[{index}]",
                    f"{name!r} is not a class of errors.",
                    "Use a kind such as timeout, or a status such as http.5xx.",
                )
    for name in sorted(set(retry.on) & set(retry.not_on)):
        yield error(
            "retry.class",
            step,
            "retry.not_on",
            f"{name} is on both lists: it would be tried again and not.",
            "Remove it from one list.",
        )


def _check_limit(view: View, step: str, limit: Limit) -> Iterator[Problem]:
    yield from _check_range(step, "limit.concurrency", limit.concurrency, 1, 10_000)
    yield from _check_range(step, "limit.per_second", limit.per_second, 0.001, 10_000)
    if limit.concurrency is None and limit.per_second is None:
        yield error(
            "limit.empty",
            step,
            "limit",
            "The limit sets no limit.",
            "Add `concurrency` or `per_second`.",
        )
    facts = view.facts(step)
    if facts is not None and not facts.runs:
        yield error(
            "limit.waits",
            step,
            "limit",
            f"No worker runs a step of type {facts.name}, so it cannot be limited.",
            "Limit a step that runs, or remove the limit.",
        )


def _check_cache(view: View, name: str, step: Step) -> Iterator[Problem]:
    assert step.cache is not None
    yield from _check_range(name, "cache.ttl_seconds", step.cache.ttl_seconds, 1, 365 * DAY)
    facts = view.facts(name)
    if facts is None:
        return
    if not facts.runs:
        yield error(
            "cache.waits",
            name,
            "cache",
            f"No worker runs a step of type {facts.name}, so it has no result to cache.",
            "Cache a step that runs, or remove the cache.",
        )
    elif facts.acts_outside(step.config):
        yield error(
            "cache.acts",
            name,
            "cache",
            "The step acts on the outside world, which a cached result does not.",
            "Remove the cache, or split the step into one that asks and one that acts.",
        )


def _check_range(
    step: str, field: str, value: float | None, least: float, most: float
) -> Iterator[Problem]:
    if value is not None and not least <= value <= most:
        yield error(
            "step.out_of_range",
            step,
            field,
            f"`{field}` is {value}, which is out of range.",
            f"Use {least:g} to {most:,.0f}.",
        )


LIMIT_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (check_limits,)
