"""Examples from decided cases: the person's correction, masked, frozen into the version."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from flows.assets.errors import AssetInvalid
from flows.assets.examples import ExamplesRefused, WantedExamples, get_example_source
from flows.assets.models import Asset, AssetVersion
from flows.assets.services import publish_asset, save_draft
from reviews.models import Case
from tests.factories.cases import approve, make_decided_case, reject
from tests.factories.people import ACTOR, make_person, signed_in
from tests.factories.prompts import make_prompt, publish_prompt
from tests.factories.queues import make_office
from tests.web.api import Api
from tests.web.pages import page, problem_of
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.people.services import create_token

pytestmark = pytest.mark.django_db
LOAN: Any = {
    "description": "",
    "variables": {"name": {"type": "string"}, "income": {"type": "number"}},
    "parts": [{"role": "user", "text": "{name} earns {income}. Decide."}],
    "examples": [],
    "answer": {
        "type": "object",
        "required": ["decision", "income"],
        "properties": {"decision": {"enum": ["approved", "rejected"]}, "income": {}},
    },
    "parameters": {},
    "tests": [],
    "from_cases": {"flow": "loan", "count": 2, "answer": {"decision": "outcome"}},
}


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, lea=Role.LEAD)


def correct(now: datetime, income: int) -> Case:
    corrected = {"fields": {"income": income}, "why": {"income": "misread"}}
    return make_decided_case("ada", reject(comment="Told by ada", **corrected), now)


def test_a_case_is_an_example_of_what_was_shown_and_what_it_was_corrected_to(now: datetime) -> None:
    correct(now, 2500)
    version = publish_prompt(make_prompt("decide", publish=False, **LOAN), "From cases")
    case = Case.objects.get()
    assert version.content["examples"] == [
        {
            "variables": {"name": "B. Ahlers", "income": 3000},
            "answer": {"decision": "rejected", "income": 2500},
            "case": case.pk,
        }
    ]
    assert version.content["from_cases"] == LOAN["from_cases"]


def test_the_newest_cases_are_frozen_and_later_ones_change_no_version(now: datetime) -> None:
    for income in (2500, 2600, 2700):
        correct(now, income)
    asset = make_prompt("decide", publish=False, **LOAN)
    version = publish_prompt(asset, "From cases")
    incomes = [each["answer"]["income"] for each in version.content["examples"]]
    assert incomes == [2700, 2600]

    correct(now, 2800)

    assert AssetVersion.objects.get(pk=version.pk).content == version.content
    second = publish_prompt(asset, "Newer cases")
    assert [each["answer"]["income"] for each in second.content["examples"]] == [2800, 2700]


def test_only_corrected_cases_may_be_taken(now: datetime) -> None:
    make_decided_case("ada", approve(), now)
    source = get_example_source()
    assert len(source.list_examples(WantedExamples("loan"), None)) == 1
    assert source.list_examples(WantedExamples("loan", only_corrected=True), None) == []
    assert source.list_examples(WantedExamples("other"), None) == []
    assert source.list_examples(WantedExamples("loan", queue="other"), None) == []


def test_nothing_is_told_that_an_export_would_mask(now: datetime) -> None:
    correct(now, 2500)
    (found,) = get_example_source().list_examples(WantedExamples("loan", leave_out=("name",)), None)
    told = repr(found)
    assert "ada" not in told
    assert "Ahlers" not in told
    assert found.shown == {"income": 3000}


def test_who_may_not_see_the_runs_of_the_flow_takes_no_examples_of_it(now: datetime) -> None:
    correct(now, 2500)
    asset = make_prompt("decide", publish=False, **LOAN)
    elsewhere = make_person("elsewhere", Role.DESIGNER, flow="other")
    with pytest.raises(ExamplesRefused):
        get_example_source().list_examples(WantedExamples("loan"), elsewhere)

    def publish(person: Any) -> AssetVersion:
        return publish_asset(
            asset_id=asset.pk, revision=asset.draft_revision, note="x", author=person,
            actor=Actor.user(person), now=timezone.now(),
        )  # fmt: skip

    with pytest.raises(AssetInvalid, match="may not see"):
        publish(elsewhere)
    assert not AssetVersion.objects.exists()
    assert publish(make_person("dora", Role.DESIGNER)).number == 1


def test_cases_that_do_not_fit_are_passed_over_and_told_of_if_none_does(now: datetime) -> None:
    correct(now, 2500)
    answer = {**LOAN["answer"], "properties": {"decision": {"const": "granted"}, "income": {}}}
    asset = make_prompt("decide", publish=False, **{**LOAN, "answer": answer})
    with pytest.raises(AssetInvalid) as refused:
        publish_prompt(asset, "None fits")
    assert refused.value.problems[0].field == "from_cases"
    assert f"case {Case.objects.get().pk}" in str(refused.value)


def test_a_token_takes_no_examples_that_its_scopes_do_not_show(now: datetime) -> None:
    correct(now, 2500)
    asset = make_prompt("decide", publish=False, **LOAN)
    path, body = "/prompts/decide/versions", {"note": "From cases"}
    scopes = ["prompts.view", "prompts.edit"]

    refused = Api(Role.DESIGNER, scopes=scopes).post(path, body, etag='"1"')

    assert (refused.status_code, problem_of(refused)) == (422, "asset-invalid")
    assert "may not see" in refused.json()["errors"][0]["message"]
    assert not AssetVersion.objects.exists()
    seeing = Api(Role.DESIGNER, scopes=[*scopes, "runs.view"])
    assert seeing.post(path, body, etag='"1"').status_code == 201
    assert len(asset.versions.get().content["examples"]) == 1


def test_a_token_that_is_not_named_takes_no_examples_as_its_person(now: datetime) -> None:
    correct(now, 2500)
    asset = make_prompt("decide", publish=False, **LOAN)
    person = make_person("dora", Role.DESIGNER)
    token, _ = create_token(
        user=person, name="ci", scopes=["prompts.edit"], actor=Actor.user(person), now=now
    )
    with pytest.raises(AssetInvalid, match="Nobody is named"):
        publish_asset(
            asset_id=asset.pk, revision=asset.draft_revision, note="x", author=person,
            actor=Actor.token(token), now=now,
        )  # fmt: skip


# --- Who is shown the cases -------------------------------------------------------------


PLACES = (
    "/prompts/decide/", "/prompts/decide/versions/1/", "/prompts/decide/export/?version=1",
    "/prompts/decide/compare/?a=1", "/prompts/decide/compare/?a=2&b=1",
)  # fmt: skip


def publish_twice(now: datetime) -> None:
    correct(now, 2500)
    asset = make_prompt("decide", publish=False, **LOAN)
    publish_prompt(asset, "From cases")
    correct(now, 2600)
    publish_prompt(asset, "More cases")


@pytest.mark.parametrize("path", PLACES)
def test_cases_are_shown_on_pages_to_who_may_see_their_runs(now: datetime, path: str) -> None:
    publish_twice(now)
    for person in (make_person("rita", Role.REVIEWER, queue="desk"),
                   make_person("dan", Role.DESIGNER, flow="other")):  # fmt: skip
        answer = signed_in(person).get(path)
        assert answer.status_code == 200
        assert "2500" not in answer.content.decode()
        assert "Ahlers" not in answer.content.decode()
    lead = signed_in(make_person("lena", Role.LEAD, flow="loan"))
    assert "2500" in lead.get(path).content.decode()


def test_who_may_not_see_cases_is_told_how_many_there_are(now: datetime) -> None:
    publish_twice(now)
    rita = signed_in(make_person("rita", Role.REVIEWER, queue="desk"))
    shown = " ".join(page(rita, "/prompts/decide/").split())
    assert "2 examples from decided cases are shown only to who may see the runs of loan." in shown
    assert "hidden_examples: 2" in rita.get("/prompts/decide/export/?version=2").content.decode()
    compared = page(rita, "/prompts/decide/compare/?a=1&b=2")
    assert "Examples from cases that you may not see" in compared


def test_a_token_is_shown_cases_by_its_scopes_and_loses_none(now: datetime) -> None:
    publish_twice(now)
    asset = Asset.objects.get()
    version = AssetVersion.objects.get(number=2)
    scopes = ["prompts.view", "prompts.edit"]
    blind = Api(Role.DESIGNER, scopes=scopes)
    content = blind.get("/prompts/decide/versions/2").json()["content"]
    assert (content["examples"], content["hidden_examples"]) == ([], 2)
    seeing = Api(Role.DESIGNER, scopes=[*scopes, "runs.view"])
    assert seeing.get("/prompts/decide/versions/2").json()["content"] == version.content

    # A draft has them where a version was imported as one.
    frozen = {key: value for key, value in version.content.items() if key != "from_cases"}
    save_draft(asset_id=asset.pk, title=None, content=frozen, actor=ACTOR, now=now)
    for path in ("/prompts/decide", "/prompts/decide/draft"):
        assert blind.get(path).json()["draft"]["hidden_examples"] == 2
        assert seeing.get(path).json()["draft"] == frozen
    shown = blind.get("/prompts/decide/draft")
    body = {"content": shown.json()["draft"]}
    refused = blind.put("/prompts/decide/draft", body, etag=shown["ETag"])
    assert (refused.status_code, problem_of(refused)) == (422, "asset-invalid")
    asset.refresh_from_db()
    assert asset.draft == frozen
