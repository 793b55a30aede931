from datetime import datetime
from typing import Any

from django.utils import timezone

from flows.backtest.models import Backtest
from flows.backtest.services import JOB, play_part
from workbench.dispatch.registry import job


@job(JOB)
def backtest_part(args: dict[str, Any], now: datetime) -> None:
    """Play the next part; it rings for the one after in its own transaction."""
    if Backtest.objects.filter(pk=args["backtest"]).exists():
        play_part(backtest_id=args["backtest"], now=timezone.now())
