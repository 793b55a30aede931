"""Two who save the same revision at the same moment: one is saved, the other hears of it."""

from collections import Counter
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from reviews.models import WorkCalendar
from tests.factories.people import signed_in
from tests.racing import at_once
from tests.web.revisions.edited import ADMIN, EDITED, make_people
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)
V1 = "/api/v1"
WRITERS = 4
SAVED = {name: each for name, each in EDITED.items() if each.one}


def put(client: Client, url: str, body: Any, method: str = "put", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = getattr(client, method)(url, body, "application/json", headers=named)
    status: int = answer.status_code
    return status


@pytest.mark.parametrize("path", SAVED)
def test_of_many_that_save_one_revision_exactly_one_wins(path: str) -> None:
    make_people()
    edited = SAVED[path]
    url = f"{V1}/{edited.make()}"
    clients = [signed_in(ADMIN) for _ in range(WRITERS)]
    known = clients[0].get(url)["ETag"]
    bodies = [edited.one, edited.other]
    said = at_once(
        lambda n: put(clients[n], url, bodies[n % 2], edited.method, If_Match=known), WRITERS
    )
    assert Counter(said) == {200: 1, 412: WRITERS - 1}


def test_of_many_that_make_one_object_exactly_one_wins() -> None:
    make_people()
    edited, url = EDITED["/calendars/{name}"], f"{V1}/calendars/new-one"
    clients = [signed_in(ADMIN) for _ in range(WRITERS)]
    said = at_once(lambda n: put(clients[n], url, edited.one), WRITERS)
    assert Counter(said) == {200: 1, 428: WRITERS - 1}
    assert WorkCalendar.objects.filter(name="new-one").count() == 1
    assert Entry.objects.filter(action="calendar.created").count() == 1


def test_a_form_and_a_program_do_not_save_over_each_other() -> None:
    make_people()
    edited, url = EDITED["/calendars/{name}"], f"{V1}/calendars/office"
    one, other = signed_in(ADMIN), signed_in("lea")
    etag = one.get(url)["ETag"]
    form = {"time_zone": "UTC", "monday": "10:00-12:00", "revision": etag.strip('"')}

    def save(number: int) -> int:
        if number:
            return put(one, url, edited.one, If_Match=etag)
        return int(other.post("/review/sla/calendars/office/", form).status_code)

    said = set(at_once(save, 2))
    assert said in ({200, 409}, {302, 412})
    assert Entry.objects.filter(action="calendar.changed", at__lte=timezone.now()).count() == 1
