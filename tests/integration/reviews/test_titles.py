from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from reviews.models import Case, Queue
from reviews.rules.filters import CaseFilters
from reviews.selectors.lists import CasePage, list_cases
from reviews.selectors.titles import (
    FIND,
    MOST,
    TRIGGERS,
    ensure_title_index,
    find_titled_cases,
)
from tests.factories.cases import make_case
from tests.factories.queues import make_office
from workbench.accounts.models import Role, User
from workbench.values.folding import split_words

pytestmark = pytest.mark.django_db
TITLES = (
    "Loan over 14,000 DM",
    "Loan over 9,000 DM of Ahlers",
    "Claim A-4711: Müller/Ahlers",
    "100%_off 'quoted' \\ \"twice\" & | !",
)


@pytest.fixture(autouse=True)
def cases() -> list[Case]:
    make_office(lea=Role.LEAD)
    return [make_case(timezone.now(), title=title) for title in TITLES]


def found(text: str) -> list[str]:
    titles = Case.objects.in_bulk(find_titled_cases(split_words(text)) or [])
    return [titles[pk].title for pk in sorted(titles)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("ahlers", [1, 2]),
        ("LOAN 14", [0]),
        ("over loan", [0, 1]),
        ("4711", [2]),
        ("a-47", [2]),
        ("mül", [2]),
        ("oan", []),
        ("loan nobody", []),
        ("lo over", []),
        ("100%_off", [3]),
        ("'quoted' \"tw", [3]),
    ],
)
def test_a_title_is_found_by_whole_words_and_the_beginning_of_the_last(
    text: str, numbers: list[int]
) -> None:
    assert found(text) == [TITLES[number] for number in numbers]


def test_a_title_that_changes_or_goes_is_found_by_what_it_is_now(cases: list[Case]) -> None:
    Case.objects.filter(pk=cases[0].pk).update(title="Overdraft of Behrens")
    cases[1].events.all().delete()
    Case.objects.filter(pk=cases[1].pk).delete()
    assert (found("loan"), found("behrens")) == ([], ["Overdraft of Behrens"])


def search(text: str, **filters: Any) -> CasePage:
    user = User.objects.get(username="lea")
    return list_cases(
        principal=user, user=user, queue=Queue.objects.get(), now=timezone.now(), page_size=2,
        filters=CaseFilters(text=text, **filters),
    )  # fmt: skip


def test_words_that_are_common_are_looked_for_in_the_order_of_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reviews.selectors.titles.MOST", 1)
    assert find_titled_cases(["loan"]) is None
    assert sorted(case.title for case in search("loan ov").cases) == sorted(TITLES[:2])


def test_a_search_stays_within_its_list() -> None:
    assert [case.title for case in search("ahlers").cases] == [TITLES[1], TITLES[2]]
    assert search("ahlers", show="decided").cases == []
    assert search("- !").cases == []


def test_the_words_are_read_from_their_index() -> None:
    asked, explain, index = {
        "postgresql": ("'loan'", "EXPLAIN", "case_words"),
        "sqlite": ('"loan"', "EXPLAIN QUERY PLAN", "VIRTUAL TABLE INDEX"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a handful of rows is read at once
        cursor.execute(f"{explain} {FIND[connection.vendor]}", [asked, MOST])
        assert index in str(cursor.fetchall())


def test_a_migration_that_rebuilds_the_table_loses_no_title(cases: list[Case]) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for name in TRIGGERS:
                cursor.execute(f"DROP TRIGGER {name}")
    Case.objects.filter(pk=cases[0].pk).update(title="Overdraft of Behrens")
    ensure_title_index()
    assert (found("behrens"), found("14,000")) == (["Overdraft of Behrens"], [])
    make_case(timezone.now(), title="Mortgage of Behrens")
    assert len(found("behrens")) == 2
