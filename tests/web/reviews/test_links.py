"""Links into a case: they open, and a person decides."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from reviews.errors import DecisionInvalid
from reviews.links.mail import send_question
from reviews.models import Case, Decision
from reviews.models.links import CaseLink
from reviews.notices.mail import send_notice
from reviews.services.claims import claim_case
from reviews.services.conversation import request_information
from reviews.services.links import ensure_reply_link, make_decision_link
from tests.browsers import post_untouched
from tests.factories.cases import make_case
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office
from workbench.accounts.models import Role, User

pytestmark = pytest.mark.django_db
APPROVE = {"outcome": "approved"}


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER)


def link_to(case: Case, username: str | None = "ada") -> str:
    whom = User.objects.get(username=username) if username else None
    return path(make_decision_link(case, whom, timezone.now()))


def path(address: str) -> str:
    return re.sub(r"^https?://[^/]+", "", address)


def test_opening_a_link_decides_nothing_however_often() -> None:
    case = make_case(timezone.now())
    link = link_to(case)
    client = signed_in("ada")
    for ask in (client.get, client.head, client.get):
        assert ask(link).status_code == 200
    assert not Decision.objects.exists()
    assert CaseLink.objects.get().used_at is None


def test_a_scanner_without_the_persons_session_decides_nothing_even_by_pressing() -> None:
    link = link_to(make_case(timezone.now()))
    scanner = Client()
    for answer in (scanner.get(link), scanner.post(link, APPROVE)):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")
    assert not Decision.objects.exists()


def test_a_link_needs_the_token_against_forgery() -> None:
    link = link_to(make_case(timezone.now()))
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="ada"))
    assert client.post(link, APPROVE).status_code == 403
    assert not Decision.objects.exists()


def test_the_form_decides_once_by_the_channel_link() -> None:
    case = make_case(timezone.now())
    link = link_to(case)
    client = signed_in("ada")
    first = client.post(link, APPROVE)
    assert first.status_code == 200
    assert Decision.objects.get().channel == "link"
    again = client.post(link, APPROVE)
    assert again.status_code == 410
    assert "used before" in again.content.decode()
    assert Decision.objects.count() == 1


def test_a_link_for_somebody_else_is_not_there() -> None:
    link = link_to(make_case(timezone.now()), "ben")
    assert signed_in("ada").get(link).status_code == 404
    assert signed_in("ada").post(link, APPROVE).status_code == 404


def test_in_a_chat_whoever_may_decide_can_use_it() -> None:
    link = link_to(make_case(timezone.now()), None)
    make_person("eve", Role.AUDITOR)
    assert signed_in("eve").post(link, APPROVE).status_code == 403
    assert signed_in("ben").post(link, APPROVE).status_code == 200


def test_an_old_link_has_expired() -> None:
    link = link_to(make_case(timezone.now()))
    CaseLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert signed_in("ada").post(link, APPROVE).status_code == 410
    assert not Decision.objects.exists()


def test_a_link_dies_when_the_case_changes() -> None:
    case = make_case(timezone.now())
    link = link_to(case)
    claim_case(case_id=case.pk, acting=person("ben"), now=timezone.now())
    answer = signed_in("ada").post(link, APPROVE)
    assert answer.status_code == 409
    assert "changed since" in answer.content.decode()
    assert not Decision.objects.exists()


def test_a_link_asks_for_what_the_page_asks_for_and_is_not_spent_by_a_fault() -> None:
    case = make_case(
        timezone.now(), reason_codes={"rejected": [{"code": "income", "label": "Income"}]}
    )
    link, client = link_to(case), signed_in("ada")
    assert client.post(link, {"outcome": "rejected"}).status_code == 422
    assert CaseLink.objects.get().used_at is None
    right = {"outcome": "rejected", "reasons.rejected": "income"}
    assert client.post(link, right).status_code == 200


def test_a_refusal_by_link_names_its_evidence_too() -> None:
    code = {"code": "income", "label": "Income", "rests_on": ["income", "name"]}
    case = make_case(timezone.now(), reason_codes={"rejected": [code]})
    link, client = link_to(case), signed_in("ada")
    assert 'name="ground.rejected.income"' in client.get(link).content.decode()
    bare = {"outcome": "rejected", "reasons.rejected": "income"}
    assert client.post(link, bare).status_code == 422
    assert client.post(link, bare | {"ground.rejected.income": "name"}).status_code == 200
    assert Decision.objects.get().grounds == {"income": "name"}


def test_a_person_may_not_decide_what_they_asked_for_by_link_either() -> None:
    case = make_case(timezone.now(), asked_by=["ada"])
    assert signed_in("ada").post(link_to(case), APPROVE).status_code == 403
    assert not Decision.objects.exists()


def test_a_changed_address_opens_nothing() -> None:
    link = link_to(make_case(timezone.now()))
    assert signed_in("ada").get(link[:-2] + "x/").status_code == 404


def test_the_mail_brings_a_link_only_to_who_can_decide_by_it() -> None:
    case = make_case(timezone.now())
    claim_case(case_id=case.pk, acting=person("ben"), now=timezone.now())
    for name in ("ada", "ben"):
        _mail(case, name)
    to_ada, to_ben = (message.body for message in mail.outbox)
    assert "/links/decide/" not in to_ada
    found = re.search(r"http\S+/links/decide/\S+", str(to_ben))
    assert found
    assert signed_in("ben").post(path(found[0]), APPROVE).status_code == 200


def _mail(case: Case, username: str) -> None:
    who = User.objects.get(username=username).pk
    args = {"case": case.pk, "user": who, "kind": "reminder", "said": "", "by": "", "outbox_id": 1}
    send_notice(args, timezone.now())


# --- Answering by link ------------------------------------------------------------------


def ask(to: str = "", fields: Sequence[str] = ()) -> Any:
    case = make_case(timezone.now())
    acting = person("ada")
    claim_case(case_id=case.pk, acting=acting, now=timezone.now())
    return request_information(
        case_id=case.pk, question="Which employer?", acting=acting, now=timezone.now(), to=to,
        fields=fields,
    )  # fmt: skip


def test_whoever_was_asked_answers_without_an_account_and_the_case_comes_back() -> None:
    asked = ask("applicant@example.org")
    send_question({"asked": asked.pk}, timezone.now())
    found = re.search(r"http\S+/links/reply/\S+", str(mail.outbox[0].body))
    assert found
    assert mail.outbox[0].to == ["applicant@example.org"]
    link, anyone = path(found[0]), Client()
    assert "Which employer?" in anyone.get(link).content.decode()
    assert Case.objects.get().state == "waiting_for_info"
    answer = anyone.post(link, {"answer": "The harbour", "name": "B. Ahlers"})
    assert answer.status_code == 200
    asked.refresh_from_db()
    assert (asked.answer, asked.answered_by) == ("The harbour", "B. Ahlers (by link, unproved)")
    case = Case.objects.get()
    assert (case.state, case.familiar) == ("open", User.objects.get(username="ada"))
    assert anyone.post(link, {"answer": "Again"}).status_code == 410


@pytest.mark.parametrize(
    "to",
    ["a@example.org,b@example.org", "a@example.org; b@example.org", "a@example.org\nb@example.org",
     "A <a@example.org>", '"a@example.org" <b@example.org>', "a@example.org\r\nBcc: b@example.org"],
)  # fmt: skip
def test_a_question_goes_to_one_address_or_is_not_asked(to: str) -> None:
    with pytest.raises(DecisionInvalid, match="one address alone"):
        ask(to)
    assert Case.objects.get().state == "claimed"


def test_links_in_mails_lead_to_the_configured_site(settings: Any) -> None:
    settings.SITE_URL = "https://countersign.example.com"
    asked = ask("applicant@example.org")
    send_question({"asked": asked.pk}, timezone.now())
    _mail(asked.case, "ada")
    for message in mail.outbox:
        links = re.findall(r"https?://[^/\s]+", str(message.body))
        assert set(links) == {"https://countersign.example.com"}


def test_whoever_answers_corrects_the_values_that_were_opened_and_no_others() -> None:
    asked = ask(fields=["income"])
    link, anyone = path(ensure_reply_link(asked, timezone.now())), Client()
    assert 'name="fields.income"' in anyone.get(link).content.decode()
    wrong = anyone.post(link, {"answer": "See there", "fields.income": "-5"})
    assert wrong.status_code == 422
    assert 'id="id-fields-income-problem"' in wrong.content.decode()
    assert CaseLink.objects.get().used_at is None
    sent = {"answer": "See there", "fields.income": "2800", "fields.name": "X"}
    assert anyone.post(link, sent).status_code == 200
    case = Case.objects.get()
    assert case.fields == {"income": 2800, "name": "B. Ahlers"}
    text = signed_in("ada").get(f"/review/cases/{case.pk}/").content.decode()
    assert "Changed by Someone (by link, unproved)" in text
    asked.refresh_from_db()
    assert asked.changes == {"income": 2800}


def test_a_reply_leaves_values_that_nobody_touched_as_they_are() -> None:
    asked = ask(fields=["income"])
    link, anyone = path(ensure_reply_link(asked, timezone.now())), Client()
    Case.objects.update(fields={"income": None, "name": "B. Ahlers"})
    posted = post_untouched(anyone.get(link).content.decode())
    posted["answer"] = "See there"
    sent = {name: posted.getlist(name) for name in posted}
    assert anyone.post(link, sent).status_code == 200
    asked.refresh_from_db()
    assert asked.changes == {}
    assert Case.objects.get().fields == {"income": None, "name": "B. Ahlers"}


def test_only_what_a_reviewer_may_change_can_be_opened_to_others() -> None:
    with pytest.raises(DecisionInvalid, match="name cannot be corrected"):
        ask(fields=["name"])


def test_an_empty_reply_by_link_answers_nothing() -> None:
    link = path(ensure_reply_link(ask(), timezone.now()))
    assert Client().post(link, {}).status_code == 422
    assert Case.objects.get().state == "waiting_for_info"


def test_the_page_of_a_question_shows_nothing_else_of_the_case() -> None:
    link = path(ensure_reply_link(ask(), timezone.now()))
    text = Client().get(link).content.decode()
    for hidden in ("Net income", "3000", "Ahlers", "Loan"):
        assert hidden not in text


def test_the_case_shows_the_link_to_answer_to_those_who_may_decide() -> None:
    asked = ask()
    make_person("eve", Role.AUDITOR)
    address = f"/review/cases/{asked.case_id}/"
    assert "/links/reply/" in signed_in("ada").get(address).content.decode()
    assert "/links/reply/" not in signed_in("eve").get(address).content.decode()
