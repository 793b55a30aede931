"""Titles that were there before the words of them were kept are found afterwards."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from reviews.models import Case
from reviews.selectors.titles import find_titled_cases
from tests.factories.cases import make_case
from tests.factories.queues import make_office
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db


def test_the_words_of_titles_that_are_there_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    migration = import_module("reviews.migrations.0013_folded_title_words")
    monkeypatch.setattr(migration, "ROWS_A_BATCH", 2)
    make_office(lea=Role.LEAD)
    cases = [make_case(timezone.now(), title=f"Straße {n}") for n in range(5)]
    Case.objects.update(title_words="")
    assert find_titled_cases(["strasse"]) == []
    migration.fold_titles(apps, SimpleNamespace(connection=connection))
    assert sorted(find_titled_cases(["strasse"]) or []) == [case.pk for case in cases]


@pytest.mark.only_postgresql  # On SQLite all of a release is one process.
def test_a_case_that_the_release_before_opens_is_found() -> None:
    make_office(lea=Role.LEAD)
    case = make_case(timezone.now(), title="Straße İ/Müller, e\u0301")
    columns = ", ".join(
        field.column
        for field in Case._meta.concrete_fields
        if field.column not in {"id", "title_words", "wait_id"}
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO reviews_case ({columns}) SELECT {columns} "
            "FROM reviews_case RETURNING id, title_words"
        )
        [(written, words)] = cursor.fetchall()
    assert words == case.title_words == "strasse i muller e"
    assert sorted(find_titled_cases(["strasse"]) or []) == [case.pk, written]
