"""Hiding what one tries for among much that is refused."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.errors import NotAuthorised
from reviews.services.conversation import add_comment
from tests.factories.cases import make_case
from tests.factories.people import make_person, person
from tests.factories.queues import make_office
from workbench.audit.models import Entry
from workbench.audit.refusals import record_counted

pytestmark = pytest.mark.django_db


def test_noise_does_not_hide_at_which_case_somebody_aimed() -> None:
    make_office()
    make_person("eve")
    dull, wanted = make_case(timezone.now()), make_case(timezone.now())
    for case in [*[dull] * 12, wanted]:
        with pytest.raises(NotAuthorised):
            add_comment(case_id=case.pk, body="x", acting=person("eve"), now=timezone.now())
    record_counted(timezone.now() + timedelta(minutes=2))
    last = Entry.objects.filter(action="case.act_refused").latest("pk")
    told = json.loads(str(last.payload.body))
    assert (told["further"], told["further_at"]) == (3, [f"case:{dull.pk}", f"case:{wanted.pk}"])
