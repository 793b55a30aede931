"""The pages of prompts: list, create, edit, publish, release, compare, test, and who may."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from flows.assets.models import Asset, AssetTestRun, AssetVersion
from flows.assets.prompts import kind
from flows.assets.prompts.forms import fill_form
from flows.assets.services import save_draft
from flows.steps import language
from flows.steps.language import ChatAnswer
from flows.steps.models import Provenance
from tests.browsers import post_untouched
from tests.factories.people import ACTOR, make_person, signed_in
from tests.factories.prompts import TRIAGE, make_prompt, make_prompted_flow, reword
from tests.web.pages import page, publish, revision_on, text_of
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
EDIT = "/prompts/triage/edit/"


@pytest.fixture
def dora() -> Client:
    return signed_in(make_person("dora", Role.DESIGNER))


@pytest.fixture
def rita() -> Client:
    return signed_in(make_person("rita", Role.REVIEWER, queue="desk"))


def form_of(client: Client) -> Any:
    html = page(client, EDIT)
    start = html.index('id="asset-form"')
    return post_untouched(html[start : html.index("</form>", start)])


def test_an_empty_list_teaches_the_first_step(dora: Client, rita: Client) -> None:
    assert "Write your first prompt" in page(dora, "/prompts/")
    assert "New prompt" in page(dora, "/prompts/")
    seen = page(rita, "/prompts/")
    assert "No prompts yet" in seen
    assert "Creating them takes the designer role, which an admin gives." in seen
    assert "Write your first" not in seen
    assert "New prompt" not in seen


def test_the_list_tells_the_release_and_is_searched(dora: Client) -> None:
    make_prompt()
    shown = page(dora, "/prompts/")
    assert "Letter triage" in shown
    assert "1 passed" in shown
    assert "Letter triage" in page(dora, "/prompts/?q=TRIAGE")
    assert "Nothing matches" in page(dora, "/prompts/?q=absent")
    assert "Letter triage" in page(dora, "/prompts/rows/?q=")


def test_a_list_of_many_takes_no_query_for_each(
    dora: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        make_prompt(f"prompt-{number}")
    with django_assert_max_num_queries(12):
        page(dora, "/prompts/")


def test_a_prompt_is_created_by_its_title_and_opened_in_the_editor(dora: Client) -> None:
    answer = dora.post("/prompts/new/", {"title": "Letter triage"})
    assert answer["Location"] == "/prompts/letter-triage/edit/"
    assert "Filled with the samples" in page(dora, answer["Location"])
    for sent in ({"title": "Letter triage"}, {"title": ""}, {"title": "New", "name": "new"}):
        refused = dora.post("/prompts/new/", sent)
        assert refused.status_code == 422
        assert "Nothing has been created" in text_of(refused)
    assert Asset.objects.count() == 1


def test_the_editor_saves_a_draft_and_says_its_revision(dora: Client) -> None:
    make_prompt()
    sent = form_of(dora)
    sent["part-0-text"] = "Sort letters."
    answer = dora.post(EDIT, sent, follow=True)
    assert "Saved as revision 2 of the draft." in text_of(answer)
    asset = Asset.objects.get()
    assert asset.draft["parts"][0]["text"] == "Sort letters."
    assert asset.draft == {**TRIAGE, "parts": [{"role": "system", "text": "Sort letters."},
                                               TRIAGE["parts"][1]]}  # fmt: skip
    assert Entry.objects.filter(action="asset.changed").count() == 1


def test_a_row_is_added_without_saving_and_what_was_typed_stays(dora: Client) -> None:
    make_prompt()
    sent = form_of(dora)
    sent["part-0-text"] = "Typed and not saved <b>"
    sent["row"] = "add:part"
    shown = text_of(dora.post(EDIT, sent))
    assert 'name="part-2-text"' in shown
    assert "Typed and not saved &lt;b&gt;" in shown
    assert Asset.objects.get().draft == TRIAGE


def test_fields_that_cannot_be_read_are_named_and_nothing_is_saved(dora: Client) -> None:
    make_prompt()
    sent = form_of(dora)
    sent["answer"] = "type: [object"
    answer = dora.post(EDIT, sent)
    assert answer.status_code == 422
    assert '<a href="#answer">' in text_of(answer)
    assert Asset.objects.get().draft == TRIAGE


def test_the_preview_fills_what_is_typed_and_saves_nothing(dora: Client) -> None:
    make_prompt()
    sent = form_of(dora)
    sent["part-1-text"] = "{letter} {more} <script>alert(1)</script>"
    shown = text_of(dora.post("/prompts/triage/preview/", sent))
    assert "{more} names no variable" in shown
    assert "variables.notes" in shown
    assert "<script>" not in shown
    assert Asset.objects.get().draft == TRIAGE


def test_what_a_prompt_holds_is_text_on_every_page(dora: Client) -> None:
    evil = "<img src=x onerror=alert(1)>"
    make_prompt(
        description=evil,
        variables={"letter": {"type": "string", "title": evil, "sample": evil}},
        parts=[{"role": "user", "text": evil + "{letter}"}],
        examples=[{"variables": {"letter": evil}, "answer": {"topic": "card"}}],
        tests=[{"name": evil, "expect": [{"kind": "contains", "value": "card"}],
                "recorded": {"answer": evil + "card"}}],
    )  # fmt: skip
    for tail in ("", "edit/", "tests/", "versions/", "versions/1/", "compare/", "publish/"):
        assert "<img src=x" not in page(dora, f"/prompts/triage/{tail}"), tail


def test_a_version_is_published_with_a_note_and_released(dora: Client) -> None:
    make_prompt(publish=False)
    url = "/prompts/triage/publish/"
    assert "This is the first version" in page(dora, url)
    revision = revision_on(dora, url)
    assert dora.post(url, {"revision": revision}).status_code == 422
    answer = dora.post(url, {"revision": revision, "note": "First", "release": "1"})
    assert answer.status_code == 302
    asset = Asset.objects.get()
    assert asset.released is not None
    assert (asset.released.number, asset.released.published_by.username) == (1, "dora")
    assert "there is nothing to publish" in page(dora, url)
    assert dora.post(url, {"revision": revision, "note": "Again"}).status_code == 409


def test_a_draft_that_changed_since_is_not_published(dora: Client) -> None:
    asset = make_prompt(publish=False)
    url = "/prompts/triage/publish/"
    revision = revision_on(dora, url)
    Asset.objects.filter(pk=asset.pk).update(draft_revision=5)
    for sent in ({"revision": revision}, {}):
        answer = dora.post(url, {**sent, "note": "First"})
        assert answer.status_code == 409
        assert "Look at what changed" in text_of(answer)
    assert not AssetVersion.objects.exists()


def test_a_failing_test_keeps_a_draft_from_being_published(dora: Client) -> None:
    wrong = {**TRIAGE["tests"][0], "recorded": {"answer": {"topic": "other"}}}
    make_prompt(publish=False, tests=[wrong])
    url = "/prompts/triage/publish/"
    assert "1 failed" in page(dora, url)
    answer = dora.post(url, {"revision": revision_on(dora, url), "note": "First"})
    assert answer.status_code == 422
    shown = page(dora, "/prompts/triage/tests/")
    assert "The answer equals" in shown
    assert "<del>card</del><ins>other</ins>" in shown


def test_two_versions_are_compared_by_word_and_one_is_rolled_back_to(dora: Client) -> None:
    asset = make_prompt()
    reword(asset, "Letter: {letter} Notes: {notes} Quick!")
    shown = page(dora, "/prompts/triage/compare/?a=1&b=2")
    assert "Quick" in shown[shown.index("<ins>") :]
    answer = dora.post("/prompts/triage/versions/1/release/", follow=True)
    assert "use version 1" in text_of(answer)
    asset.refresh_from_db()
    assert asset.released is not None
    assert asset.released.number == 1
    assert page(dora, "/prompts/triage/compare/?a=9", 404)


def test_a_prompt_names_the_flows_that_use_it_and_a_flow_the_newer_prompt(dora: Client) -> None:
    asset = make_prompt()
    make_prompted_flow()
    assert "Letters" in page(dora, "/prompts/triage/")
    assert "A newer prompt" not in page(dora, "/flows/letters/")

    reword(asset, "Anew: {letter} {notes}")

    assert "v1, not the released one" in page(dora, "/prompts/triage/")
    assert "A newer prompt is released" in page(dora, "/flows/letters/")
    shown = page(dora, "/flows/letters/publish/")
    assert "Its document is that of version 1, with newer prompts" in shown
    assert "v1 → v2" in shown
    answer = publish(dora, {"note": "Take up the new prompt", "release": "1"}, "letters")
    assert answer.status_code == 302
    assert "A newer prompt" not in page(dora, "/flows/letters/")
    assert "prompt/triage@2" in page(dora, "/flows/letters/versions/")


def test_a_request_to_publish_holds_for_the_prompts_that_it_was_made_with(dora: Client) -> None:
    asset = make_prompt()
    flow = make_prompted_flow()
    reword(asset, "Second: {letter} {notes}")
    dora.post(f"/flows/{flow.name}/publish/rule/", {"second_person": "1"})
    publish(dora, {"note": "Newer", "release": "1"}, flow.name)
    (request,) = flow.publish_requests.all()
    reword(asset, "Third: {letter} {notes}")
    second = signed_in(make_person("second", Role.DESIGNER))

    answer = second.post(f"/flows/{flow.name}/publish/requests/{request.pk}/", {"answer": "agree"})

    assert answer.status_code == 409
    assert "a prompt that it uses" in text_of(answer)
    assert flow.versions.count() == 1


def test_what_is_in_use_is_not_archived(dora: Client) -> None:
    make_prompt()
    make_prompted_flow()
    answer = dora.post("/prompts/triage/archive/", {"archived": "1"}, follow=True)
    assert "It is in use by letters" in text_of(answer)
    make_prompt("other")
    dora.post("/prompts/other/archive/", {"archived": "1"})
    assert "Take out of the archive" in page(dora, "/prompts/other/")
    assert "prompts/other/" in page(dora, "/prompts/?archived=1")


def test_a_file_of_a_version_is_sent(dora: Client) -> None:
    make_prompt()
    answer = dora.get("/prompts/triage/export/?version=1")
    assert answer["Content-Disposition"] == 'attachment; filename="triage@1.prompt.yaml"'
    assert text_of(answer).startswith("schema: countersign/prompt@1\nname: triage\n")


def test_a_reviewer_reads_and_changes_nothing(rita: Client) -> None:
    make_prompt()
    shown = page(rita, "/prompts/triage/")
    assert "Edit</a>" not in shown
    for tail in ("edit/", "publish/"):
        page(rita, f"/prompts/triage/{tail}", 403)
    for tail in ("archive/", "versions/1/release/", "tests/run/", "preview/", "edit/"):
        assert rita.post(f"/prompts/triage/{tail}").status_code == 403
    assert signed_in(make_person("none")).get("/prompts/").status_code == 403


def test_a_designer_of_one_flow_reads_prompts_that_reach_all_and_changes_none() -> None:
    make_prompt()
    narrow = signed_in(make_person("narrow", Role.DESIGNER, flow="letters"))
    page(narrow, "/prompts/triage/")
    page(narrow, EDIT, 403)


class Small:
    name = "test-small"

    def language_models(self) -> dict[str, str]:
        return {"small": "1"}

    def chat(self, request: Any) -> ChatAnswer:
        made = Provenance("test-small", request.model, "1", cost=0.5)
        return ChatAnswer('{"topic": "card"}', (), "stop", made)


def test_tests_are_run_against_a_model_only_when_asked_for(
    dora: Client, monkeypatch: pytest.MonkeyPatch, deliver_outbox: Callable[[], int]
) -> None:
    make_prompt(tests=[{"name": "Fresh", "expect": [{"kind": "schema"}]}])
    monkeypatch.setattr(language, "_PROVIDERS", {})
    assert "No language model is connected" in page(dora, "/prompts/triage/tests/")
    monkeypatch.setattr(language, "_PROVIDERS", {"test-small": Small()})
    url = "/prompts/triage/tests/"
    shown = page(dora, url)
    assert "No answer is recorded" in shown
    asked = dora.post(f"{url}run/", {"model": "small", "calls": "3"})
    here = f"{url}{AssetTestRun.objects.get().pk}/"
    assert asked["Location"] == here
    waiting = page(dora, here)
    assert 'max="1" value="0" aria-label="Tests run"' in waiting
    assert f'hx-trigger="live:asset-tests.{AssetTestRun.objects.get().pk} from:body"' in waiting
    deliver_outbox()
    ran = page(dora, here)
    assert "hx-trigger" not in ran.partition('id="test-run"')[2][:200]
    assert "Answers of small" in ran
    assert "1 of 3" in re.sub(r"<[^>]+>", "", ran)
    assert "recorded" not in Asset.objects.get().draft["tests"][0]
    assert "small" in page(dora, url)

    kept = text_of(dora.post(f"{here}keep/", {"revision": revision_on(dora, here)}, follow=True))

    assert "The answers are kept" in kept
    assert Asset.objects.get().draft["tests"][0]["recorded"]["answer"] == {"topic": "card"}
    assert "1 passed" in page(dora, url)


@pytest.mark.parametrize(
    "wrong",
    [{"model": ""}, {"calls": "0"}, {"calls": "201"}, {"calls": "x"}, {"cost": "NaN"},
     {"cost": "-1"}, {"cost": "much"}],
)  # fmt: skip
def test_a_budget_that_cannot_be_read_asks_no_model(
    dora: Client, wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language, "_PROVIDERS", {"test-small": Small()})
    make_prompt()
    answer = dora.post("/prompts/triage/tests/run/", {"model": "small", "calls": "1", **wrong})
    assert answer.status_code == 422
    assert "No model was asked" in text_of(answer)


def test_answers_are_not_kept_over_a_draft_that_somebody_changed(
    dora: Client, monkeypatch: pytest.MonkeyPatch, deliver_outbox: Callable[[], int]
) -> None:
    monkeypatch.setattr(language, "_PROVIDERS", {"test-small": Small()})
    asset = make_prompt()
    dora.post("/prompts/triage/tests/run/", {"model": "small", "calls": "1"})
    deliver_outbox()
    here = f"/prompts/triage/tests/{AssetTestRun.objects.get().pk}/"
    seen = revision_on(dora, here)
    change = {**asset.draft, "description": "Another"}
    save_draft(asset_id=asset.pk, title=None, content=change, actor=ACTOR, now=timezone.now())
    for revision in (seen, "2"):
        answer = dora.post(f"{here}keep/", {"revision": revision}, follow=True)
        assert "The answers are not kept" in text_of(answer)
    assert "Keep the answers" not in page(dora, here)
    asset.refresh_from_db()
    assert asset.draft_revision == 2
    assert fill_form(asset.draft)["fields"]["test"][0]["model"] == ""


def test_where_two_are_demanded_the_publisher_does_not_release(dora: Client) -> None:
    asset = make_prompt()
    dora.post("/prompts/triage/rule/", {"second_person": "1"})
    reword_by(dora, "Anew: {letter} {notes}")
    url = "/prompts/triage/publish/"
    assert "somebody else releases the version" in page(dora, url)
    sent = {"revision": revision_on(dora, url), "note": "Second"}
    assert dora.post(url, {**sent, "release": "1"}).status_code == 409
    assert dora.post(url, sent).status_code == 302

    refused = dora.post("/prompts/triage/versions/2/release/", follow=True)
    assert "Ask somebody else to do it." in text_of(refused)
    asset.refresh_from_db()
    assert asset.released is not None
    assert asset.released.number == 1

    second = signed_in(make_person("second", Role.DESIGNER))
    second.post("/prompts/triage/versions/2/release/")
    asset.refresh_from_db()
    assert asset.released.number == 2
    # What was released once is known: whoever finds it broken rolls back at once, and forth again.
    for number in (1, 2):
        dora.post(f"/prompts/triage/versions/{number}/release/")
        asset.refresh_from_db()
        assert asset.released.number == number


def test_only_an_admin_decides_that_one_person_is_enough(dora: Client) -> None:
    make_prompt()
    dora.post("/prompts/triage/rule/", {"second_person": "1"})
    answer = dora.post("/prompts/triage/rule/", {"second_person": "0"}, follow=True)
    assert "Only an admin may decide" in text_of(answer)
    assert Asset.objects.get().second_person
    both = signed_in(make_person("both", Role.DESIGNER, Role.ADMIN))
    both.post("/prompts/triage/rule/", {"second_person": "0"})
    assert not Asset.objects.get().second_person


def reword_by(client: Client, text: str) -> None:
    sent = form_of(client)
    sent["part-1-text"] = text
    assert client.post(EDIT, sent).status_code == 302


def test_a_page_compares_no_texts_to_say_that_the_draft_differs(
    dora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = make_prompt()
    monkeypatch.setattr(kind.PromptKind, "diff", None)
    same = page(dora, "/prompts/triage/")
    asset.draft = {**asset.draft, "description": "Another"}
    asset.save()
    assert page(dora, "/prompts/triage/").count("draft differs") > same.count("draft differs")


def test_a_page_asks_models_only_so_often(
    dora: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MODEL_TRIES_A_MINUTE = 1
    cache.clear()
    now = timezone.now()
    monkeypatch.setattr("workbench.http.rates.timezone.now", lambda: now)
    monkeypatch.setattr(language, "_PROVIDERS", {"test-small": Small()})
    make_prompt()
    sent = {"model": "small", "calls": "1"}
    answers = [dora.post("/prompts/triage/tests/run/", sent) for _ in range(2)]
    assert [each.status_code for each in answers] == [302, 429]
