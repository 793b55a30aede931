import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from flows.models import Artifact
from flows.runtime.held import give_artifacts
from flows.runtime.labels import Label
from reviews.models import Attachment, Case, CaseDraft, CaseLook, Decision, Queue
from reviews.services.claims import claim_case
from reviews.services.committing import commit_due_decisions
from reviews.services.decisions import decide_case
from tests.browsers import post_untouched
from tests.factories.cases import approve, give, make_case, step_of
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office, make_queue
from tests.web.pages import decide_on_page, page
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
Count = Any


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, lea=Role.LEAD, aud=Role.AUDITOR)
    make_queue("claims")
    make_person("ben", Role.REVIEWER, queue="claims")


def address(case: Case, part: str = "") -> str:
    return f"/review/cases/{case.pk}/{part}"


def test_queues_show_their_load_in_as_many_queries_however_many_cases(
    django_assert_max_num_queries: Count,
) -> None:
    now = timezone.now()
    make_case(now)
    client = signed_in("ada")
    with django_assert_max_num_queries(7):
        page(client, "/review/")
    for _ in range(8):
        make_case(now - timedelta(hours=9))
    with django_assert_max_num_queries(7):
        text = page(client, "/review/")
    assert "Underwriting" in text
    assert text.count("Overdue") > 1


def test_a_list_takes_as_many_queries_for_fifty_cases_as_for_one(
    django_assert_max_num_queries: Count,
) -> None:
    for _ in range(55):
        make_case(timezone.now())
    client = signed_in("ada")
    with django_assert_max_num_queries(9):
        first = page(client, "/review/queues/underwriting/")
    assert first.count('class="row-link"') == 50
    cursor = first.split("cursor=")[1].split('"')[0]
    rest = page(client, f"/review/queues/underwriting/?show=open&cursor={cursor}")
    assert rest.count('class="row-link"') == 5


def test_a_case_is_opened_in_a_bounded_number_of_queries(
    django_assert_max_num_queries: Count,
) -> None:
    cases = [make_case(timezone.now(), subject="A-1") for _ in range(9)]
    client = signed_in("ada")
    with django_assert_max_num_queries(21):
        text = page(client, address(cases[0]))
    assert "Net income" in text
    assert "If nobody acts" in text


def test_each_part_of_the_page_has_an_address_of_its_own() -> None:
    case = make_case(timezone.now())
    client = signed_in("ada")
    for part in ("standing/", "work/", "history/", "run/"):
        assert "<html" not in page(client, address(case, part))
    assert "<html" not in page(client, "/review/table/")
    assert "<html" not in page(client, "/review/queues/underwriting/table/")


def test_a_queue_of_others_is_not_there() -> None:
    case = make_case(timezone.now())
    ben = signed_in("ben")
    page(ben, address(case), 404)
    page(ben, "/review/queues/underwriting/", 403)
    assert "Underwriting" not in page(ben, "/review/")
    assert decide_on_page(ben, case, {"outcome": "approved"}).status_code == 404


def test_who_may_only_look_has_no_form_and_cannot_post() -> None:
    case = make_case(timezone.now())
    auditor = signed_in("aud")
    assert 'id="decision"' not in page(auditor, address(case))
    assert decide_on_page(auditor, case, {"outcome": "approved"}).status_code == 403
    assert step_of(case) == "review"


def test_next_claims_and_opens_the_best_case() -> None:
    make_case(timezone.now())
    urgent = make_case(timezone.now(), priority="urgent")
    response = signed_in("ada").post("/review/queues/underwriting/next/")
    assert response["Location"] == address(urgent)
    urgent.refresh_from_db()
    assert urgent.claimed_by == person("ada").user


def test_holding_another_case_is_not_holding_this_one() -> None:
    now = timezone.now()
    other, case = make_case(now), make_case(now)
    claim_case(case_id=other.pk, acting=person("ada"), now=now)
    text = page(signed_in("ada"), address(case))
    assert 'data-held="false"' in text
    assert "by you, until" not in text


def test_reading_a_case_changes_nothing() -> None:
    case = make_case(timezone.now())
    page(signed_in("ada"), address(case))
    case.refresh_from_db()
    assert (case.state, case.revision) == ("open", 1)


def test_deciding_opens_the_next_case_and_offers_to_undo() -> None:
    first, second = make_case(timezone.now()), make_case(timezone.now())
    client = signed_in("ada")
    response = decide_on_page(
        client,
        first,
        {"outcome": "approved", "revision": "1", "field.income": "2800", "why.income": "misread"},
    )
    assert (response.status_code, response["Location"]) == (302, address(second))
    assert "data-undo" in page(client, address(second))
    decision = Decision.objects.get()
    assert decision.overrides == [
        {"field": "income", "old": 3000, "new": 2800, "reason": "misread"}
    ]
    response = client.post(address(first, "undo/"))
    assert response["Location"] == address(first)
    assert "2800" in page(client, address(first))


def test_a_wrong_decision_comes_back_with_what_was_typed() -> None:
    case = make_case(
        timezone.now(), reason_codes={"rejected": [{"code": "income", "label": "Income too low"}]}
    )
    response = decide_on_page(
        signed_in("ada"),
        case,
        {"outcome": "rejected", "comment": "not like this", "field.income": "lots"},
    )
    text = response.content.decode()
    assert response.status_code == 422
    assert "Choose at least one reason" in text
    assert "not like this" in text
    assert 'value="lots"' in text
    assert CaseDraft.objects.get(case=case).content["comment"] == "not like this"


def test_a_value_changed_without_a_reason_comes_back_asking_for_it() -> None:
    case = make_case(timezone.now())
    typed = {"outcome": "approved", "field.income": "2800"}
    answer = decide_on_page(signed_in("ada"), case, typed)
    assert answer.status_code == 422
    assert "Say why Net income is changed." in answer.content.decode()
    assert not Decision.objects.exists()


def test_a_late_decision_is_told_what_happened_and_keeps_the_draft() -> None:
    case = make_case(timezone.now())
    decide_case(case_id=case.pk, answer=approve(), acting=person("lea"), now=timezone.now())
    response = decide_on_page(
        signed_in("ada"), case, {"outcome": "approved", "comment": "mine", "revision": "1"}
    )
    assert response.status_code == 409
    assert "lea has just decided this case" in response.content.decode()
    assert CaseDraft.objects.get(user=person("ada").user).content["comment"] == "mine"


@pytest.mark.parametrize("said", [{}, {"revision": ""}, {"revision": "latest"}])
def test_a_decision_that_does_not_say_what_its_page_showed_is_refused_and_kept(
    said: dict[str, str],
) -> None:
    case = make_case(timezone.now())
    typed = {"outcome": "approved", "comment": "mine", **said}
    answer = signed_in("ada").post(address(case, "decide/"), typed)
    assert answer.status_code == 409
    assert "does not say which state of the case it shows" in answer.content.decode()
    assert ">mine</textarea>" in answer.content.decode()
    assert CaseDraft.objects.get().content["comment"] == "mine"
    case.refresh_from_db()
    assert (case.state, Decision.objects.count()) == ("open", 0)


def test_a_draft_is_kept_and_shown_again_without_a_claim() -> None:
    case = make_case(timezone.now())
    client = signed_in("ada")
    saved = client.post(
        address(case, "draft/"), {"outcome": "approved", "comment": "half a sent", "opened": "a b"}
    )
    assert saved.status_code == 200
    text = page(client, address(case))
    assert "half a sent" in text
    assert 'value="a b"' in text
    assert "half a sent" not in page(signed_in("lea"), address(case))


def test_a_draft_for_a_case_that_another_holds_is_refused_with_the_reason() -> None:
    case = make_case(timezone.now())
    claim_case(case_id=case.pk, acting=person("lea"), now=timezone.now())
    answer = signed_in("ada").post(address(case, "draft/"), {"comment": "half a sent"})
    assert (answer.status_code, answer.json()["code"]) == (409, "case_held_by_other")
    assert "lea holds this case" in answer.json()["message"]
    assert not CaseDraft.objects.exists()


def test_what_was_typed_against_one_s_own_decision_is_shown_and_undo_brings_the_decision_back() -> (
    None
):
    case, client = make_case(timezone.now()), signed_in("ada")
    decide_on_page(client, case, {"outcome": "approved", "comment": "sent"})
    answer = decide_on_page(client, case, {"outcome": "approved", "comment": "second tab"})
    assert answer.status_code == 409
    assert "second tab" in answer.content.decode()
    assert "is not saved" in answer.content.decode()
    client.post(address(case, "undo/"))
    assert ">sent</textarea>" in page(client, address(case))


def test_the_heartbeat_of_a_lost_claim_stops() -> None:
    case = make_case(timezone.now())
    claim_case(case_id=case.pk, acting=person("lea"), now=timezone.now())
    response = signed_in("ada").post(address(case, "heartbeat/"))
    assert (response.status_code, response.json()["code"]) == (409, "case_held_by_other")


def test_one_s_own_claim_is_no_change_but_another_s_is() -> None:
    case = make_case(timezone.now())
    client = signed_in("ada")
    client.post(address(case, "claim/"))
    assert "Changed since you last looked" not in page(client, address(case, "standing/?seen=1"))
    assert "Changed since you last looked" in page(
        signed_in("lea"), address(case, "standing/?seen=1")
    )


def test_the_receipt_shows_the_case_as_it_was_seen() -> None:
    case = make_case(timezone.now())
    now = timezone.now()
    decide_case(
        case_id=case.pk, answer=approve(comment="fine"), acting=person("ada"), now=now,
    )  # fmt: skip
    assert "No receipt yet" in page(signed_in("aud"), address(case, "receipt/"))
    commit_due_decisions(now + timedelta(seconds=9))
    Case.objects.filter(pk=case.pk).update(shown={})
    text = page(signed_in("aud"), address(case, "receipt/"))
    assert "Net income" in text
    assert Decision.objects.get().digest in text


def test_a_document_comes_in_a_sandbox_and_only_to_who_may_see_the_case() -> None:
    content = b"<script>alert(1)</script>"
    path = default_storage.save("doc.html", ContentFile(content))
    digest = hashlib.sha256(content).hexdigest()
    Artifact.objects.create(digest=digest, size=len(content), path=path, created_at=timezone.now())
    document = {"id": "letter", "title": "Letter", "artifact": {"artifact": digest}}
    case = make_case(timezone.now(), documents=[document])
    # The case names it, and its run was not given it.
    assert signed_in("ada").get(address(case, "documents/letter/")).status_code == 404
    give_artifacts(case.run_id, {digest: Label("doc.html", "text/html")})
    response = signed_in("ada").get(address(case, "documents/letter/"))
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Content-Type"] == "application/octet-stream"
    assert "attachment" in response["Content-Disposition"]
    assert response.getvalue() == b"<script>alert(1)</script>"
    assert signed_in("ben").get(address(case, "documents/letter/")).status_code == 404
    assert signed_in("ada").get(address(case, "documents/other/")).status_code == 404


def test_a_case_names_the_documents_of_the_one_that_comes_next() -> None:
    documents = [
        {"id": "slip", "title": "Slip", "media_type": "application/pdf",
         "artifact": {"artifact": "a" * 64}},
        {"id": "note", "title": "Note", "text": "Only text"},
    ]  # fmt: skip
    now = timezone.now()
    here, following = make_case(now), make_case(now, documents=documents)
    ada = signed_in("ada")
    ahead = f'data-ahead="{address(following, "documents/slip/")} "'
    assert ahead in page(ada, address(here))
    # Who may not take it does not fetch it.
    claim_case(case_id=following.pk, acting=person("lea"), now=now)
    assert "data-ahead" not in page(ada, address(here))


def test_images_and_recordings_are_shown_with_what_they_hold_in_words() -> None:
    photo = b"\x89PNG\r\n\x1a\n"
    digest = hashlib.sha256(photo).hexdigest()
    show = [
        {"title": "Photos", "images": [
            {"id": "roof", "title": "Roof", "artifact": digest, "alt": "Three tiles are missing"},
        ]},
        {"title": "Calls", "audio": [
            {"id": "call", "title": "Call", "artifact": "b" * 64, "text": "The storm did."},
        ]},
    ]  # fmt: skip
    case = make_case(timezone.now(), show=show, required_evidence=["call"])
    path = default_storage.save("artifacts/roof", ContentFile(photo))
    Artifact.objects.create(digest=digest, size=8, path=path, created_at=timezone.now())
    give_artifacts(case.run_id, {digest: Label("roof.png", "image/png")})
    client = signed_in("ada")
    text = page(client, address(case))
    assert 'alt="Three tiles are missing"' in text
    assert "The storm did." in text
    assert "media-src 'self'" in client.get(address(case))["Content-Security-Policy"]
    image = client.get(address(case, "documents/roof/"))
    assert image["Content-Type"] == "image/png"
    assert image.getvalue() == photo
    unheard = decide_on_page(client, case, {"outcome": "approved"})
    assert "Open call before approving" in unheard.content.decode()
    unserved = decide_on_page(client, case, {"outcome": "approved", "opened": "call"})
    assert "Open call before approving" in unserved.content.decode()
    give(case, "ada", timezone.now(), "call")
    decide_on_page(client, case, {"outcome": "approved", "opened": "call"})
    assert Decision.objects.exists()


def test_what_an_applicant_writes_is_never_markup() -> None:
    evil = "<img src=x onerror=alert(1)></script>"
    case = make_case(
        timezone.now(),
        title=evil,
        summary=evil,
        show=[{"title": evil, "text": evil}, {"title": "j", "json": {"a": evil}}],
        documents=[
            {"id": "d", "title": evil, "text": evil,
             "boxes": [{"key": "k", "at": [0, 0, 1, 1], "text": evil}]}
        ],
        reasons=[{"label": evil, "contribution": 1}],
        flags=[{"label": evil}],
    )  # fmt: skip
    assert "<img src=x" not in page(signed_in("ada"), address(case))


def test_asking_and_answering_by_page() -> None:
    case = make_case(timezone.now())
    client = signed_in("ada")
    client.post(address(case, "claim/"))
    client.post(address(case, "information/"), {"question": "Which employer?"})
    case.refresh_from_db()
    assert case.state == "waiting_for_info"
    assert "Clock stands" in page(client, address(case))
    make_person("cyd", Role.REVIEWER)
    signed_in("cyd").post(address(case, "answer/"), {"answer": "Nordhafen"})
    assert "Nordhafen" in page(client, address(case))


def test_the_form_of_the_flow_is_shown_read_and_checked() -> None:
    form = {
        "type": "object",
        "required": ["term"],
        "properties": {"term": {"type": "integer", "minimum": 6, "title": "Term in months"}},
    }
    case = make_case(timezone.now(), form=form)
    client = signed_in("ada")
    assert "Term in months" in page(client, address(case))
    wrong = decide_on_page(client, case, {"outcome": "approved", "form.term": "3"})
    assert wrong.status_code == 422
    decide_on_page(client, case, {"outcome": "approved", "form.term": "36"})
    assert Decision.objects.get().form == {"term": 36}


def test_rows_of_the_form_are_kept_in_the_draft_and_their_faults_named_where_they_are() -> None:
    debt = {
        "type": "object",
        "title": "Debt",
        "required": ["lender"],
        "properties": {"lender": {"type": "string"}, "rate": {"type": "number", "maximum": 30}},
    }
    form = {
        "type": "object",
        "properties": {"debts": {"type": "array", "maxItems": 2, "items": debt}},
    }
    case = make_case(timezone.now(), form=form)
    client = signed_in("ada")
    assert 'name="form.debts.new.lender"' in page(client, address(case))
    rows = {"form.debts.rows": ["0", "1"], "form.debts.0.lender": "Kiel", "form.debts.1.rate": "31"}
    kept = client.post(address(case, "draft/"), rows).json()
    assert set(kept["problems"]) == {"form.debts.1.lender", "form.debts.1.rate"}
    assert {"form.debts", "form.debts.1", "form.debts.1.rate"} <= set(kept["active"])
    drawn = " ".join(page(client, address(case)).split())
    assert 'name="form.debts.1.rate" type="text" inputmode="decimal" value="31"' in drawn
    wrong = decide_on_page(client, case, {"outcome": "approved", **rows})
    assert wrong.status_code == 422
    fault = re.search(
        r'(?s)id="id-form-debts-1-lender-problem"[^>]*>.*?</p>', wrong.content.decode()
    )
    assert fault
    assert "Fill this in." in fault[0]
    rows |= {"form.debts.1.lender": "Lübeck", "form.debts.1.rate": "3"}
    decide_on_page(client, case, {"outcome": "approved", **rows})
    assert Decision.objects.get().form == {
        "debts": [{"lender": "Kiel"}, {"lender": "Lübeck", "rate": 3}]
    }


def test_a_queue_without_cases_says_what_to_expect() -> None:
    assert "Nothing is waiting" in page(signed_in("ada"), "/review/queues/underwriting/")
    Queue.objects.all().delete()
    assert "No queue yet" in page(signed_in("ada"), "/review/")


# --- Together, and anew -------------------------------------------------------------------


def test_like_cases_are_decided_on_one_page_after_a_look_at_the_sample() -> None:
    sure: dict[str, Any] = {"confidence": 0.96, "suggestion": "approved"}
    cases = [make_case(timezone.now(), **sure) for _ in range(4)]
    client = signed_in("ada")
    text = page(client, "/review/queues/underwriting/like/")
    assert "4 similar cases" in text
    sent = {"outcome": "approved", "case": [f"{case.pk}:{case.revision}" for case in cases]}
    blind = client.post("/review/queues/underwriting/like/decide/", sent)
    assert blind.status_code == 422
    assert "Look at the sample first" in blind.content.decode()
    looked = re.findall(r'name="looked_at" value="(\d+)"', text)
    done = client.post("/review/queues/underwriting/like/decide/", {**sent, "looked_at": looked})
    assert "4 decided" in done.content.decode()
    ids = {"case": [case.pk for case in cases]}
    undone = client.post("/review/queues/underwriting/like/undo/", ids)
    assert "4 undone" in undone.content.decode()


def test_a_decided_case_shows_those_most_like_it_and_offers_to_be_reopened() -> None:
    first, second = make_case(timezone.now()), make_case(timezone.now())
    client = signed_in("ada")
    decide_on_page(client, first, {"outcome": "approved", "commit_now": "on"})
    assert "Similar decided cases" in page(client, address(second))
    make_person("cleo", Role.REVIEWER)
    other = signed_in("cleo")
    assert "Reopen" in page(other, address(first))
    refused = client.post(address(first, "reopen/"), {"reason": "Wrong payslip"})
    assert refused.status_code == 403
    assert other.post(address(first, "reopen/"), {"reason": "Wrong payslip"}).status_code == 302
    assert "Reopened" in page(other, address(first))


def look(client: Client, case: Case) -> str:
    """Open the page, and post what its script posts when it is there."""
    text = page(client, address(case))
    [url], [revision] = (
        re.findall(r'data-look="(.+?)"', text),
        re.findall(r'-revision="(.+?)"', text),
    )
    assert client.post(url, {"revision": revision}).status_code == 204
    return text


def test_what_changed_since_one_looked_is_marked_on_the_field() -> None:
    case = make_case(timezone.now())
    client = signed_in("ada")
    assert "Changed since you last looked" not in look(client, case)
    Case.objects.filter(pk=case.pk).update(fields={**case.fields, "income": 2500})
    for _ in range(2):
        text = look(client, case)
        assert text.count("Changed since you last looked") == 1, "and a reload does not hide it"
    make_person("dora", Role.REVIEWER)
    assert "Changed since you last looked" not in look(signed_in("dora"), case)


def test_a_page_that_shows_an_older_revision_does_not_hide_what_changed_meanwhile() -> None:
    case = make_case(timezone.now())
    client = signed_in("ada")
    look(client, case)
    changed = {"fields": {**case.fields, "income": 2500}, "revision": case.revision + 1}
    Case.objects.filter(pk=case.pk).update(**changed)
    assert client.post(address(case, "look/"), {"revision": case.revision}).status_code == 204
    assert CaseLook.objects.get().fields["income"] == 3000
    assert "Changed since you last looked" in page(client, address(case))
    assert client.get(address(case, "look/")).status_code == 405


# --- Files with a comment -------------------------------------------------------------------


def attach(client: Client, case: Case, *files: tuple[str, bytes]) -> Any:
    sent = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(address(case, "comments/"), {"body": "See this", "files": sent})


def test_only_who_may_see_the_case_is_offered_to_be_named() -> None:
    case = make_case(timezone.now())
    make_person("bea", Role.REVIEWER)
    make_person("bert", Role.DESIGNER)
    client = signed_in("ada")
    # ben may see claims alone, bert no case at all.
    assert client.get(address(case, "mentions/?q=b")).json() == [{"name": "bea", "label": "bea"}]
    assert client.get(address(case, "mentions/?q=zz")).json() == []
    assert signed_in("ben").get(address(case, "mentions/?q=b")).status_code == 404
    assert 'aria-controls="comment-people"' in page(client, address(case))


def test_a_file_comes_with_its_comment_and_is_sent_in_a_sandbox() -> None:
    case, client = make_case(timezone.now()), signed_in("ada")
    assert attach(client, case, ("slip.pdf", b"%PDF-1.7 ...")).status_code == 302
    assert "slip.pdf" in page(client, address(case))
    file = Attachment.objects.get()
    sent = client.get(address(case, f"attachments/{file.pk}/"))
    assert sent["Content-Type"] == "application/pdf"
    assert "sandbox" in sent["Content-Security-Policy"]
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent.getvalue()
    other = make_case(timezone.now())
    assert client.get(address(other, f"attachments/{file.pk}/")).status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("page.pdf", b"\x7fELF\x02\x01", "is no PDF"),
        ("empty.txt", b"", "is empty"),
        ("big.txt", b"a" * (10 * 1024 * 1024 + 1), "is larger than 10 MB"),
    ],
)
def test_a_file_is_judged_by_what_it_is_and_how_large(name: str, content: bytes, why: str) -> None:
    case, client = make_case(timezone.now()), signed_in("ada")
    refused = attach(client, case, (name, content))
    assert refused.status_code == 422
    assert why in refused.content.decode()
    assert not Attachment.objects.exists()


def test_a_page_of_another_is_shown_as_text_and_never_run() -> None:
    case, client = make_case(timezone.now()), signed_in("ada")
    attach(client, case, ("page.html", b"<script>alert(1)</script>"))
    sent = client.get(address(case, f"attachments/{Attachment.objects.get().pk}/"))
    assert sent["Content-Type"].startswith("text/plain")
    assert sent.getvalue()


def test_a_case_decided_without_a_touch_overrides_nothing() -> None:
    fields = {
        "letter": "two\r\nlines", "marks": ["a\nb"], "where": {"city": "Kiel"}, "agreed": None,
        "risk": "unheard of", "count": 9007199254740993, "day": "2026-03-31T09:00:00Z",
    }  # fmt: skip
    schemas = {
        "agreed": {"type": ["boolean", "null"]}, "risk": {"enum": ["low", "high"]},
        "day": {"type": "string", "format": "date"},
    }  # fmt: skip
    shown = [
        {"key": key, "label": key, "value": value, "editable": True, "schema": schemas.get(key, {})}
        for key, value in fields.items()
    ]
    case = make_case(timezone.now(), show=[{"title": "All", "fields": shown}])
    client = signed_in("ada")
    posted = post_untouched(page(client, address(case)))
    sent = {name: posted.getlist(name) for name in posted} | {"outcome": ["approved"]}
    kept = client.post(address(case, "draft/"), sent).json()
    assert kept["problems"] == {}
    decide_on_page(client, case, sent)
    case.refresh_from_db()
    assert case.fields == fields
    assert [each.overrides for each in case.decisions.all()] == [[]]
