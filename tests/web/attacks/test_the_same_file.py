"""Sending a file that somebody else has sent, to learn what they called it."""

import pytest

from tests.web.api import Api
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


def test_who_sends_the_same_content_is_not_told_its_other_name() -> None:
    names = []
    for query in ("?name=dismissal-of-b-ahlers.txt", "", "?name=mine.txt"):
        program = Api(Role.OPERATOR)
        sent = program.client.post(f"/api/v1/artifacts{query}", b"x" * 9, content_type="text/plain")
        names.append(sent.json()["name"])
    assert names == ["dismissal-of-b-ahlers.txt", "", "mine.txt"]
