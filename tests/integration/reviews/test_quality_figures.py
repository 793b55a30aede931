from datetime import UTC, date, datetime

import pytest

from reviews.models import Case
from reviews.quality.selectors.groups import MondayOf
from tests.factories.cases import make_case
from tests.factories.queues import make_office

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("at", "monday"),
    [
        (datetime(2026, 11, 22, 23, 59, 59, 900_000, UTC), date(2026, 11, 16)),
        (datetime(2026, 11, 23, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2027, 1, 1, 12, tzinfo=UTC), date(2026, 12, 28)),
    ],
)
def test_a_week_begins_on_monday_in_utc(at: datetime, monday: date) -> None:
    make_office()
    make_case(at)
    assert Case.objects.annotate(monday=MondayOf("opened_at")).get().monday == monday
