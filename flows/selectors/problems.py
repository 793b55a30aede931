"""What is wrong with a draft."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.core.cache import cache

from flows.graph.codec import parse
from flows.graph.problems import DocumentError, Problem
from flows.graph.validation import validate
from flows.selectors.circles import list_circles
from flows.selectors.model_uses import StepModel, find_unusable_models, list_model_uses
from flows.selectors.secret_uses import SecretUse, find_unusable_secrets, list_secret_uses
from flows.steps.calibrated import (
    CalibrationUse,
    find_missing_calibrations,
    list_calibration_uses,
)
from flows.steps.catalogue import catalogue
from flows.steps.pins import AssetUse, find_pin_problems, list_asset_uses

Json = Any
CACHED_SECONDS = 600


def get_cached_problems(document: Mapping[str, Json]) -> list[Json]:
    """Return what ``list_problems`` does, computed once for each state of a draft.

    The inspector asks at each selection and each browser after each edit; for 2,000 steps the
    answer takes a second. What depends on the secrets, models and calibrations that there are is
    found each time.
    """
    text = json.dumps(document, sort_keys=True)
    key = f"problems-5.{hashlib.sha256(text.encode()).hexdigest()}"
    kept: list[list[Json]] | None = cache.get(key)
    if kept is None:
        own, used = _examine(document)
        kept = [list(part) for part in (own, *used)]
        cache.set(key, kept, CACHED_SECONDS)
    # A shared cache keeps JSON, which has no tuples.
    found, secrets, models, assets, calibrations = kept
    uses = _Uses(
        [SecretUse(*use) for use in secrets],
        [StepModel(*use) for use in models],
        [AssetUse(*use) for use in assets],
        [CalibrationUse(*use) for use in calibrations],
    )
    return _add_unusable(document, found, uses)


def list_problems(document: Mapping[str, Json]) -> list[Json]:
    """Return what is wrong with a draft, for the canvas and its list of problems."""
    return _add_unusable(document, *_examine(document))


def list_problems_of_file(document: Mapping[str, Json]) -> list[Json]:
    """Return what is wrong with a document by itself, wherever its secrets and prompts will be set.

    Models and calibrations are judged by those of this installation.
    """
    found, uses = _examine(document)
    return _add_unusable(document, found, uses._replace(secrets=[], assets=[]))


class _Uses(NamedTuple):
    """What the document uses that the installation has, and may not give to it."""

    secrets: list[SecretUse]
    models: list[StepModel]
    assets: list[AssetUse]
    calibrations: list[CalibrationUse]


def _examine(document: Mapping[str, Json]) -> tuple[list[Json], _Uses]:
    """Return what is wrong with the document by itself, and what it uses of the installation."""
    try:
        parsed = parse(document)
        found: Iterable[Problem] = [*validate(parsed, catalogue()), *list_circles(document)]
        uses = _Uses(
            list_secret_uses(parsed),
            list_model_uses(parsed),
            list_asset_uses(parsed),
            list_calibration_uses(parsed),
        )
    except DocumentError as error:
        found, uses = error.problems, _Uses([], [], [], [])
    return [_dump(each) for each in found], uses


def _add_unusable(document: Mapping[str, Json], found: list[Json], uses: _Uses) -> list[Json]:
    """Return the errors on what it may not use before the rest, which has its errors first."""
    flow = str(document.get("name"))
    more = [
        *find_unusable_secrets(flow, uses.secrets),
        *find_unusable_models(flow, uses.models),
        *find_pin_problems(uses.assets),
        *find_missing_calibrations(flow, uses.calibrations),
    ]
    return [*map(_dump, more), *found]


def _dump(problem: Problem) -> Json:
    return {
        "severity": problem.severity,
        "code": problem.code,
        "step": problem.step,
        "field": problem.field,
        "message": problem.message,
        "remedy": problem.remedy,
        "fix": list(problem.fix) if problem.fix else None,
    }
