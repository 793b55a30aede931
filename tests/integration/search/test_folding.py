"""Text is found however it is written, on both databases."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.models import Flow
from reviews.models import Case
from reviews.selectors.titles import find_titled_cases
from tests.factories.cases import make_case
from tests.factories.flows import make_flow
from tests.factories.queues import make_office
from workbench.accounts.models import Role, User
from workbench.people.selectors import list_people
from workbench.search.matching import beginning, having
from workbench.search.words import join_words
from workbench.values.folding import fold, split_words
from workbench.values.refusals import ValueRefused

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn", "Co"], exclude_characters="\x00")
# Letters that fold in ways of their own come often.
ODD = st.sampled_from("ßẞİıſςΣσéÉﬁŉǰΐᾳΆҐЁёÅ\u0301\u0308\u0345 -'")
TITLES = st.text(st.one_of(ODD, CHARACTERS), min_size=1, max_size=40)
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS = st.sampled_from(get_args(Form))
CASES = st.sampled_from([str.upper, str.lower, str.title, str.swapcase])
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def create(title: str, cases: list[Case]) -> Case:
    cases[0].pk, cases[0].wait_id, cases[0].title = None, None, title
    cases[0].save(force_insert=True)
    return cases[0]


def create_many(title: str, cases: list[Case]) -> Case:
    cases[0].pk, cases[0].wait_id, cases[0].title = None, None, title
    return Case.objects.bulk_create([cases[0]])[0]


def update(title: str, cases: list[Case]) -> Case:
    Case.objects.filter(pk=cases[1].pk).update(title=title)
    return cases[1]


def update_many(title: str, cases: list[Case]) -> Case:
    cases[1].title = title
    Case.objects.bulk_update([cases[1]], ["title"])
    return cases[1]


def save_the_title(title: str, cases: list[Case]) -> Case:
    cases[1].title = title
    cases[1].save(update_fields=["title"])
    return cases[1]


WAYS = (create, create_many, update, update_many, save_the_title)


@pytest.fixture
def cases() -> list[Case]:
    make_office(lea=Role.LEAD)
    return [make_case(timezone.now(), title=title) for title in ("One", "Another")]


@pytest.mark.parametrize("write", WAYS)
@MANY
@given(data=st.data(), title=TITLES, form=FORMS, change=CASES)
def test_a_case_is_found_by_any_beginning_of_any_word_in_any_form(
    cases: list[Case],
    write: Callable[[str, list[Case]], Case],
    data: st.DataObject,
    title: str,
    form: Form,
    change: Callable[[str], str],
) -> None:
    with transaction.atomic():
        case = write(title, cases)
        for word in split_words(title)[:3]:
            beginning_of_it = word[: data.draw(st.integers(1, len(word)))]
            asked = change(unicodedata.normalize(form, beginning_of_it))
            assert case.pk in (find_titled_cases(split_words(asked)) or []), asked
        transaction.set_rollback(True)


@MANY
@given(text=TITLES)
def test_looking_for_any_text_fails_nowhere(cases: list[Case], text: str) -> None:
    if words := split_words(text):
        find_titled_cases(words)
    list(list_people(text)[:1])
    list(Flow.objects.filter(having(text, "title", "name") | beginning(text, "name"))[:1])


@MANY
@given(data=st.data(), title=TITLES, form=FORMS, change=CASES)
def test_a_part_of_a_text_is_found_in_any_form(
    data: st.DataObject, title: str, form: Form, change: Callable[[str], str]
) -> None:
    person, _ = User.objects.update_or_create(username="eva", defaults={"display_name": title})
    folded = fold(title)
    first = data.draw(st.integers(0, len(folded)))
    part = folded[first : data.draw(st.integers(first, len(folded)))]
    if folded.startswith(part) or fold(part) == part:
        asked = change(unicodedata.normalize(form, part))
        assert User.objects.filter(having(asked, "display_name"), pk=person.pk).exists(), asked


@pytest.mark.parametrize("asked", ["STRASSE", "straße", "mu\u0308LLER", "Muller", "ﬁnanz"])
def test_flows_and_people_are_found_however_it_is_typed(asked: str) -> None:
    flow = make_flow(name="kredit", title="Müllerstraße Finanz")
    flow.save()
    person = User.objects.create(username="x", display_name="Müllerstraße Finanz")
    assert list(Flow.objects.filter(having(asked, "title"))) == [flow]
    assert list(list_people(asked)) == [person]


def test_a_title_is_written_as_text_alone(cases: list[Case]) -> None:
    from django.db.models.functions import Upper

    with pytest.raises(TypeError, match="Write title as text"):
        Case.objects.update(title=Upper("title"))


def test_a_text_that_no_database_takes_is_refused() -> None:
    for text in ("a\x00b", "\ud800"):
        with pytest.raises(ValueRefused):
            having(text, "title")


def test_words_have_one_space_between_them() -> None:
    assert join_words("  A-47,  Müller/Ahlers ") == "a 47 muller ahlers"


def test_no_search_folds_by_the_database_alone() -> None:
    own = re.compile(r"__i(contains|startswith|endswith|regex|exact)\b")
    # Who signs in is named exactly, but for the case of an address.
    allowed = {"workbench/people/sign_in.py"}
    found = {
        str(path.relative_to(ROOT))
        for package in ("workbench", "flows", "reviews")
        for path in (ROOT / package).rglob("*.py")
        if own.search(path.read_text())
    }
    assert found - allowed == set()
