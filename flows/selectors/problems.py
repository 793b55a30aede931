"""What is wrong with a draft."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache import cache

from flows.graph.codec import parse
from flows.graph.problems import DocumentError, Problem
from flows.graph.validation import validate
from flows.selectors.circles import list_circles
from flows.steps.catalogue import catalogue

Json = Any
CACHED_SECONDS = 600


def get_cached_problems(document: Mapping[str, Json]) -> list[Json]:
    """Return what ``list_problems`` does, computed once for each state of a draft.

    The inspector asks at each selection and each browser after each edit; for 2,000 steps the
    answer takes a second.
    """
    text = json.dumps(document, sort_keys=True)
    key = f"problems.{hashlib.sha256(text.encode()).hexdigest()}"
    found: list[Json] | None = cache.get(key)
    if found is None:
        found = list_problems(document)
        cache.set(key, found, CACHED_SECONDS)
    return found


def list_problems(document: Mapping[str, Json]) -> list[Json]:
    """Return what is wrong with a draft, for the canvas and its list of problems."""
    try:
        found: Iterable[Problem] = [
            *validate(parse(document), catalogue()),
            *list_circles(document),
        ]
    except DocumentError as error:
        found = error.problems
    return [
        {
            "severity": each.severity,
            "code": each.code,
            "step": each.step,
            "field": each.field,
            "message": each.message,
            "remedy": each.remedy,
            "fix": list(each.fix) if each.fix else None,
        }
        for each in found
    ]
