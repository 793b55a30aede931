"""The job that plays a backtest, part by part."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from flows.backtest.models import Backtest
from flows.backtest.services import JOB, play_part
from workbench.dispatch.registry import job


@job(JOB)
def play_next_part(args: dict[str, Any], now: datetime) -> None:
    """Play the next part; its transaction also enqueues the one after it."""
    if Backtest.objects.filter(pk=args["backtest"]).exists():
        play_part(backtest_id=args["backtest"], now=timezone.now())
