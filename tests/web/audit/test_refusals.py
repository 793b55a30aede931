"""Acts of weight that were refused are in the ledger, and nobody can fill it with them."""

from datetime import datetime, timedelta
from inspect import getmembers, isfunction, signature

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from reviews.models import Case
from reviews.services import (
    claims,
    conversation,
    decisions,
    first_choices,
    leases,
    passing,
    reopening,
)
from tests.factories.cases import make_held_case
from tests.factories.people import make_person, signed_in
from tests.factories.queues import make_office
from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken, Role, User
from workbench.audit.models import Entry, Tally
from workbench.audit.refusals import (
    Refusal,
    note_refusal,
    record_counted,
    refusals_aside,
)
from workbench.audit.selectors import payload_of, sentence_of
from workbench.audit.services import verify
from workbench.people.services import create_token, revoke_token

pytestmark = pytest.mark.django_db
ENTRIES = "/api/v1/audit/entries"
ACTOR = Actor.system("test")


def refusals(action: str) -> list[Entry]:
    return list(Entry.objects.filter(action=action).select_related("payload").order_by("pk"))


# --- Decisions ----------------------------------------------------------------


@pytest.fixture
def case(now: datetime) -> Case:
    make_office(rita=Role.REVIEWER, otto=Role.REVIEWER)
    return make_held_case("rita", timezone.now())


def test_a_decision_refused_for_lack_of_authority_is_recorded(case: Case) -> None:
    case.queue.authority = [{"level": 5, "approvers": 1}]
    case.queue.save()
    client = signed_in("rita")
    answer = client.post(
        f"/api/v1/cases/{case.pk}/decisions",
        {"outcome": "approved", "revision": case.revision},
        "application/json",
        headers={"X-CSRFToken": "x", "Idempotency-Key": "one"},
    )
    assert answer.status_code == 403, answer.content
    [entry] = refusals("case.act_refused")
    assert (entry.subject_id, entry.actor_name) == (str(case.pk), "rita")
    assert payload_of(entry)["act"] == "decide it"
    assert not case.decisions.exists()


def test_each_service_that_acts_on_a_case_for_a_person_notes_refusals() -> None:
    modules = (claims, conversation, decisions, first_choices, leases, passing, reopening)
    acting_on_a_case = [
        function
        for module in modules
        for name, function in getmembers(module, isfunction)
        if function.__module__ == module.__name__
        and {"case_id", "acting"} <= signature(function).parameters.keys()
        and not name.startswith("_")
    ]
    silent = [each.__name__ for each in acting_on_a_case if not hasattr(each, "notes_refusals")]
    assert silent == ["renew_claim"]  # renewing is asked for by a page, each minute


# --- Links --------------------------------------------------------------------


@pytest.mark.parametrize("token", ["nonsense", "x" * 200])
def test_a_link_that_is_not_valid_is_recorded(token: str) -> None:
    assert Client().get(f"/review/links/reply/{token}/").status_code == 404
    [entry] = refusals("link.refused")
    assert token not in str(entry.payload.body)


# --- Tokens -------------------------------------------------------------------


@pytest.fixture
def token() -> tuple[ApiToken, str]:
    user = make_person("ada", Role.AUDITOR)
    return create_token(
        user=user, name="nightly", scopes=["audit.view"], now=timezone.now(), actor=ACTOR
    )


def ask(secret: str, url: str = ENTRIES) -> int:
    headers = {"Authorization": f"Bearer {secret}"}
    return int(Client().get(url, headers=headers).status_code)


def test_a_revoked_token_is_recorded(token: tuple[ApiToken, str]) -> None:
    revoke_token(token=token[0], actor=ACTOR, now=timezone.now())
    assert ask(token[1]) == 401
    [entry] = refusals("token.refused")
    assert (entry.actor_kind, entry.actor_id) == ("token", str(token[0].pk))
    assert sentence_of(entry) == "Refused API token nightly: it is unknown or was revoked"


def test_an_expired_token_is_recorded(token: tuple[ApiToken, str]) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert ask(token[1]) == 401
    assert "expired" in sentence_of(refusals("token.refused")[0])


def test_a_token_without_the_scope_is_recorded(token: tuple[ApiToken, str]) -> None:
    assert ask(token[1], "/api/v1/secrets") == 403
    assert "it lacks secrets.manage" in sentence_of(refusals("token.refused")[0])


def test_a_token_that_nobody_has_is_recorded_without_its_text() -> None:
    assert ask("csn_guessed-secret") == 401
    [entry] = refusals("token.refused")
    assert entry.subject_id == "unknown"
    assert "guessed" not in str(entry.payload.body)


# --- Bounds -------------------------------------------------------------------


def test_trying_very_often_leaves_few_entries_and_their_number() -> None:
    for _ in range(50):
        ask("csn_guessed")
    assert len(refusals("token.refused")) == 10
    record_counted(timezone.now())  # the minute has not ended
    assert len(refusals("token.refused")) == 10
    record_counted(timezone.now() + timedelta(minutes=2))
    last = refusals("token.refused")[-1]
    assert len(refusals("token.refused")) == 11
    assert payload_of(last)["further"] == 40
    assert not Tally.objects.exists()
    assert verify().ok


def test_wrong_passwords_leave_one_entry_for_an_account_and_their_number() -> None:
    cache.clear()
    make_person("ada")
    for _ in range(5):
        Client().post("/accounts/login/", {"login": "ada", "password": "wrong"})
    assert len(refusals("user.sign_in_failed")) == 1
    record_counted(timezone.now() + timedelta(minutes=11))
    first, last = refusals("user.sign_in_failed")
    assert payload_of(last)["further"] == 4
    assert first.subject_id == last.subject_id == str(User.objects.get().pk)


def test_a_new_span_begins_with_an_entry(now: datetime) -> None:
    def note(at: datetime) -> None:
        refused = Refusal("token.refused", ("user", "1"), ACTOR, {"why": "x"}, most=1, at=at)
        note_refusal(refused)

    for second in (0, 10, 20, 61, 70):
        note(now + timedelta(seconds=second))
    told = [payload_of(entry).get("further") for entry in refusals("token.refused")]
    assert told == [None, 2, None]


def test_a_refusal_outlives_the_transaction_that_it_rolled_back() -> None:
    from django.db import transaction

    with refusals_aside(), pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
        note_refusal(Refusal("token.refused", ("user", "1"), ACTOR, {}))
        raise ZeroDivisionError
    assert len(refusals("token.refused")) == 1
