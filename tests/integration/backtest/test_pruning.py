"""Recorded answers of models are kept as long as is set."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from flows.backtest import clock
from flows.backtest.clock import prune_answers
from flows.models import RecordedAnswer

pytestmark = pytest.mark.django_db


def keep(*ages: int) -> None:
    now = timezone.now()
    for age in ages:
        RecordedAnswer.objects.create(
            flow="loan", digest=str(RecordedAnswer.objects.count()), answer={"age": age},
            at=now - timedelta(days=age),
        )  # fmt: skip


def test_answers_are_kept_as_long_as_is_set(settings: Any) -> None:
    settings.KEEP_ANSWERS_DAYS = 10
    keep(11, 9)
    assert not prune_answers(timezone.now())
    assert [row.answer["age"] for row in RecordedAnswer.objects.all()] == [9]


def test_a_sweep_that_leaves_some_is_repeated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "BATCH", 2)
    keep(401, 402, 403)
    assert prune_answers(timezone.now())
    assert not prune_answers(timezone.now())
    assert not RecordedAnswer.objects.exists()
