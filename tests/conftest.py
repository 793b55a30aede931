"""Fixtures that every tier may use."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from tests.ledger_guards import flush_may_empty_the_ledger

__all__ = ["flush_may_empty_the_ledger"]

TIERS = ("unit", "integration", "web", "browser", "chaos")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the tier whose folder it is in."""
    for item in items:
        parts = Path(item.nodeid.split("::", 1)[0]).parts
        tier = parts[1] if len(parts) > 1 else ""
        if tier in TIERS:
            item.add_marker(tier)


@pytest.fixture
def now() -> datetime:
    """A fixed working day: Tuesday, ten in the morning, UTC."""
    return datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


@pytest.fixture
def deliver_outbox() -> Callable[[], int]:
    """Return a function that delivers every row of the outbox that is due, new ones too."""
    from workbench.dispatch.models import Outbox
    from workbench.dispatch.outbox import deliver

    def deliver_due() -> int:
        count = 0
        while True:
            now = timezone.now()
            ids = Outbox.objects.filter(dead_at=None, due_at__lte=now).values_list("pk", flat=True)
            if not ids:
                return count
            count += sum(deliver(pk, now) for pk in list(ids))

    return deliver_due
