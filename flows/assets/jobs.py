"""The job that asks a model for the tests of an asset, part by part."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from flows.assets.asking import JOB, play_tests
from workbench.dispatch.registry import job


@job(JOB)
def play_next_tests(args: dict[str, Any], now: datetime) -> None:
    """Run the next tests; their transaction also enqueues those after them."""
    play_tests(run_id=args["run"], now=timezone.now())
