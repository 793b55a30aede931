"""A form saves only over what its page showed, else it shows what is saved now beside the typed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from flows.assets.models import Asset
from flows.assets.services import save_draft as save_asset_draft
from flows.connections.models import Connection
from flows.connections.services import save_connection
from flows.connections.settings import ConnectionSettings, settings_of
from flows.costs.budgets import BudgetKey, BudgetSettings
from flows.costs.services import set_budget
from flows.models import Flow
from flows.selectors.changes import to_text
from flows.services import save_draft
from flows.spending.models import Budget
from flows.triggers.models import Trigger
from flows.triggers.services import change_trigger
from reviews.models import Queue, Reviewer, SlaPolicy, WorkCalendar
from reviews.models.notices import Destination
from reviews.models.quality import SamplingPolicy
from reviews.notices.services import save_destination
from reviews.quality.services.policies import Sampling, save_sampling_policy, set_queue_policy
from reviews.selectors.editables import get_shares
from reviews.settings.services.queues import change_queue
from reviews.settings.services.sla import save_calendar, save_sla_policy
from reviews.team.services.reviewers import set_reviewer
from tests.browsers import post_untouched
from tests.factories.people import person, signed_in
from tests.web.pages import page, text_of
from tests.web.revisions.edited import ADMIN, EDITED, make_people
from workbench.accounts.actors import Actor
from workbench.accounts.models import User

Json = Any
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def lea() -> Actor:
    return Actor.user(User.objects.get(username="lea"))


@dataclass(frozen=True)
class Form:
    """``make`` returns the page's address, and where the form posts to if not to itself.

    ``theirs`` is saved by somebody else and shown as ``saved``; ``typed`` is what one types.
    """

    make: Callable[[], tuple[str, str]]
    theirs: Callable[[str], object]
    saved: str
    typed: dict[str, str]
    says: str
    get: Callable[[], Json]


def _calendar(country: str) -> object:
    values = WorkCalendar.objects.get().snapshot() | {"country": country}
    return save_calendar(name="office", values=values, actor=lea(), now=timezone.now())


def _policy(title: str) -> object:
    policy = SlaPolicy.objects.get()
    names = ("due_minutes", "steps", "breach", "calendar")
    values = {"title": title, **{name: getattr(policy, name) for name in names}}
    return save_sla_policy(name=policy.name, values=values, actor=lea(), now=timezone.now())


def _queue(title: str) -> object:
    values = {"title": title}
    return change_queue(queue=Queue.objects.get(), values=values, actor=lea(), now=timezone.now())


def _make_destination() -> tuple[str, str]:
    _destination("Channel")
    return "/review/destinations/channel/", ""


def _destination(title: str) -> object:
    values = {"title": title, "kind": "webhook", "address": "https://hooks.example/in",
              "kinds": ["escalated"], "queue": None, "enabled": True}  # fmt: skip
    found = Destination.objects.first()
    key = "" if found else KEY
    return save_destination(
        name="channel", values=values, key=key, actor=lea(), now=timezone.now(), destination=found
    )


def _reviewer(skill: str) -> object:
    return set_reviewer(
        person=User.objects.get(username="ada"), level=1, skills=[skill], actor=lea(),
        by=User.objects.get(username="lea"), now=timezone.now(),
    )  # fmt: skip


def _make_trigger() -> tuple[str, str]:
    EDITED["/flows/{name}/triggers/{trigger_id}"].make()
    return f"/flows/loan/triggers/{Trigger.objects.get().pk}/", ""


def _trigger(title: str) -> object:
    trigger = Trigger.objects.get()
    return change_trigger(
        trigger_id=trigger.pk, title=title, config=trigger.config, input=trigger.input,
        actor=lea(), now=timezone.now(),
    )  # fmt: skip


def _shares(second: str) -> object:
    return set_queue_policy(
        queue=Queue.objects.get(), second_percent=float(second), known_percent=0,
        independent_percent=0, acting=person("lea"), now=timezone.now(),
    )  # fmt: skip


def _make_sampling() -> tuple[str, str]:
    EDITED["/quality/sampling/{policy_id}"].make()
    return "/insights/policies/", f"sampling/{SamplingPolicy.objects.get().pk}/"


def _sampling(percent: str) -> object:
    wanted = Sampling(flow="loan", step="review", percent=float(percent))
    policy = SamplingPolicy.objects.get()
    return save_sampling_policy(
        wanted=wanted, acting=person("lea"), now=timezone.now(), policy=policy
    )


def _make_draft() -> tuple[str, str]:
    EDITED["/flows/{name}/draft"].make()
    return "/flows/loan/text/", ""


def _draft(title: str) -> object:
    flow = Flow.objects.get()
    return save_draft(
        flow_id=flow.pk, document={**flow.draft, "title": title},
        author=User.objects.get(username="lea"), now=timezone.now(),
    )  # fmt: skip


def _make_connection() -> tuple[str, str]:
    EDITED["/connections/{name}"].make()
    return "/connections/risk/edit/", ""


def _connection(title: str) -> object:
    kept = settings_of(Connection.objects.get()) | {"title": title}
    settings = ConnectionSettings.model_validate(kept)
    return save_connection(name="risk", settings=settings, actor=lea(), now=timezone.now())


def _make_prompt() -> tuple[str, str]:
    EDITED["/prompts/{name}/draft"].make()
    return "/prompts/triage/edit/", ""


def _prompt(title: str) -> object:
    asset = Asset.objects.get()
    return save_asset_draft(
        asset_id=asset.pk, title=title, content=asset.draft, actor=lea(), now=timezone.now()
    )


def _make_budget() -> tuple[str, str]:
    EDITED["/budgets/{payer}/{name}/{period}"].make()
    return "/insights/budgets/all/-/day/", ""


def _budget(amount: str) -> object:
    settings = BudgetSettings(amount=float(amount))
    key = BudgetKey("all", "", "day")
    return set_budget(key=key, settings=settings, actor=lea(), now=timezone.now())


FORMS = {
    "budget_edit": Form(
        _make_budget, _budget, "11",
        {"amount": "13"}, "13", lambda: f"{Budget.objects.get().amount.normalize():f}",
    ),
    "connection_edit": Form(
        _make_connection, _connection, "Theirs",
        {"title": "Mine"}, "Mine", lambda: Connection.objects.get().title,
    ),
    "calendar_edit": Form(
        lambda: ("/review/sla/calendars/office/", ""), _calendar, "AT",
        {"country": "FR"}, "FR", lambda: WorkCalendar.objects.get().country,
    ),
    "policy_edit": Form(
        lambda: ("/review/sla/policies/standard/", ""), _policy, "Theirs",
        {"title": "Mine"}, "Mine", lambda: SlaPolicy.objects.get().title,
    ),
    "queue_settings": Form(
        lambda: ("/review/queues/underwriting/settings/", ""), _queue, "Theirs",
        {"title": "Mine"}, "Mine", lambda: Queue.objects.get().title,
    ),
    "destination_edit": Form(
        _make_destination, _destination, "Theirs",
        {"title": "Mine"}, "Mine", lambda: Destination.objects.get().title,
    ),
    "reviewer": Form(
        lambda: ("/review/team/people/ada/", ""), _reviewer, "french",
        {"skills": "mortgage"}, "mortgage",
        lambda: ",".join(Reviewer.objects.values_list("skills", flat=True).first() or []),
    ),
    "trigger_edit": Form(
        _make_trigger, _trigger, "Theirs",
        {"title": "Mine"}, "Mine", lambda: Trigger.objects.get().title,
    ),
    "queue_policy": Form(
        lambda: ("/insights/policies/", "queues/underwriting/"), _shares, "11",
        {"second_percent": "13"}, "13",
        lambda: f"{get_shares(Queue.objects.get())['second_percent']:g}",
    ),
    "change_sampling": Form(
        _make_sampling, _sampling, "11",
        {"percent": "13"}, "13", lambda: f"{SamplingPolicy.objects.get().percent:g}",
    ),
    "asset_edit": Form(
        _make_prompt, _prompt, "Theirs",
        {"title": "Mine"}, "Mine", lambda: Asset.objects.get().title,
    ),
    "draft_text": Form(
        _make_draft, _draft, "Theirs", {}, "Mine", lambda: Flow.objects.get().title
    ),
}  # fmt: skip


@pytest.fixture
def adm(db: None, settings: Any) -> Client:
    settings.OUTGOING_ALLOWLIST = ["hooks.example"]
    make_people()
    return signed_in(ADMIN)


def fill(adm: Client, name: str) -> tuple[str, str, dict[str, list[str]]]:
    """Return where a form is, where it posts to, and what it posts with something typed."""
    form = FORMS[name]
    url, post = form.make()
    html = page(adm, url)
    if post:
        start = html.index(f'action="{url}{post}"')
        html = html[start : html.index("</form>", start)]
    elif name != "draft_text":
        start = html.index('-form"', html.index("<main"))
        html = html[start : html.index("</form>", start)]
    posted: Json = dict(post_untouched(html).lists())
    if name == "draft_text":
        text = to_text(Flow.objects.get().draft)
        typed = {"text": text.replace("Consumer loan", "Mine")}
        posted = {"revision": posted["revision"]}
    else:
        typed = form.typed
    return url, f"{url}{post}", posted | {key: [value] for key, value in typed.items()}


def post(adm: Client, url: str, posted: dict[str, list[str]], **more: str) -> Any:
    sent = posted | {key: [value] for key, value in more.items()}
    return adm.post(url, urlencode(sent, doseq=True), "application/x-www-form-urlencoded")


@pytest.mark.parametrize("name", FORMS)
def test_a_form_saves_over_what_its_page_showed(adm: Client, name: str) -> None:
    _, target, posted = fill(adm, name)
    answer = post(adm, target, posted)
    assert answer.status_code == 302, text_of(answer)
    assert FORMS[name].get() == FORMS[name].says


@pytest.mark.parametrize("name", FORMS)
def test_a_stale_form_keeps_what_was_typed_beside_what_is_saved_now(adm: Client, name: str) -> None:
    form = FORMS[name]
    _, target, posted = fill(adm, name)
    form.theirs(form.saved)
    answer = post(adm, target, posted)
    shown = text_of(answer)
    assert answer.status_code == 409
    assert form.get() == form.saved
    assert "while you were editing it" in shown
    assert "lea saved this" in shown
    notice = shown[shown.index("conflict-notice") :]
    assert form.saved in notice
    assert form.says in notice
    assert (
        form.says in shown[: shown.index("conflict-notice")] + notice[notice.index("</section>") :]
    )
    assert posted["revision"][0] in shown


@pytest.mark.parametrize("name", FORMS)
def test_who_has_seen_the_conflict_saves_over_it_and_over_nothing_newer(
    adm: Client, name: str
) -> None:
    form = FORMS[name]
    _, target, posted = fill(adm, name)
    form.theirs(form.saved)
    first = find_over(post(adm, target, posted))
    form.theirs("12" if form.saved.isdigit() else "CH" if len(form.saved) == 2 else "Newer")
    second = post(adm, target, posted, over=first)
    assert second.status_code == 409
    assert post(adm, target, posted, over=find_over(second)).status_code == 302
    assert form.get() == form.says


def find_over(answer: Any) -> str:
    """Return the revision that the button to save over it carries."""
    shown = text_of(answer)
    return shown.partition('name="over" value="')[2].partition('"')[0]


@pytest.mark.parametrize("name", FORMS)
def test_a_form_without_a_revision_saves_nothing(adm: Client, name: str) -> None:
    _, target, posted = fill(adm, name)
    before = FORMS[name].get()
    del posted["revision"]
    assert post(adm, target, posted).status_code == 409
    assert FORMS[name].get() == before


@pytest.mark.parametrize("name", ["calendar_edit", "draft_text"])
def test_a_form_that_comes_back_for_another_reason_keeps_its_revision(
    adm: Client, name: str
) -> None:
    _, target, posted = fill(adm, name)
    FORMS[name].theirs(FORMS[name].saved)
    wrong = {"monday": "noon"} if name == "calendar_edit" else {"text": "name: ["}
    answer = post(adm, target, posted, **wrong)
    assert answer.status_code == 422
    assert f'name="revision" value="{posted["revision"][0]}"' in text_of(answer)


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("budget_edit", "remove/"),
        ("destination_edit", "remove/"),
        ("trigger_edit", "delete/"),
        ("connection_edit", "../remove/"),
    ],
)
def test_what_was_changed_since_is_not_removed(adm: Client, name: str, act: str) -> None:
    form = FORMS[name]
    url, _, posted = fill(adm, name)
    remove = urljoin(url, act)
    form.theirs(form.saved)
    answer = adm.post(remove, {"revision": posted["revision"][0]}, follow=True)
    assert "lea changed it meanwhile" in text_of(answer)
    assert form.get() == form.saved


# --- Every page that takes a form ---------------------------------------------------------


# These make something new.
MAKES = frozenset(
    [
        "absences",
        "add_answer",
        "add_sampling",
        "asset_create",
        "backtest_start",
        "budget_new",
        "learn",
        "calendar_new",
        "comment",
        "connection_new",
        "create",
        "destination_new",
        "flow_create",
        "grant",
        "person_new",
        "policy_new",
        "queue_new",
        "trigger_add",
    ]
)
# These do something with what there is. What they do depends on no value that a page has shown
# since long, or they compare it themselves: a case's revision, a draft's old value.
ACTS = frozenset(
    [
        "answer",
        "answer_request",
        "apply_cutoff",
        "asset_archive",
        "asset_import",
        "learn_anew",
        "assign",
        "attach",
        "backtest_cancel",
        "breaker_reset",
        "bulk",
        "connection_switch",
        "connection_try",
        "bulk_stop",
        "claim",
        "close",
        "detach",
        "dead_retry",
        "decide",
        "decide_link",
        "delete_flow_test",
        "end",
        "escalate",
        "fit",
        "flow_pause",
        "give",
        "information",
        "jobs_revive",
        "keep",
        "look",
        "publish",
        "publish_rule",
        "release",
        "release_rule",
        "reopen",
        "reply_link",
        "restore",
        "revoke",
        "keep_answers",
        "run_against_model",
        "stop_tests",
        "run_cancel",
        "run_lane",
        "run_migrate",
        "run_pause",
        "run_rerun",
        "run_retry",
        "send_operations",
        "sessions_end",
        "set_active",
        "set_aside_retry",
        "start",
        "take_next",
        "trigger_switch",
        "undo",
        "unmask",
        "verify",
    ]
)
# These save what only its own person has.
OWN = frozenset(
    [
        "delete",
        "draft",
        "preferences",
        "read_all",
        "save",
        "token_revoke",
        "tokens",
        "tour_end",
        "upload_begin",
        "upload_piece",
    ]
)
# These save nothing.
LOOKS = frozenset(
    [
        "asset_preview",
        "calendar_preview",
        "evaluate",
        "play",
        "play_flow_tests",
        "policy_preview",
        "queue_order",
    ]
)
REMOVES = frozenset(
    ["budget_remove", "connection_remove", "destination_remove", "retire_answer", "trigger_delete"]
)


def list_pages(found: Any, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in found.url_patterns:
        address = f"{before}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from list_pages(each, address)
        elif not address.startswith(("api/", "hooks/", "audit/export/")):  # the last sends a file
            yield address, each


def test_a_page_that_takes_a_form_is_tried_here_or_saves_nothing_that_others_edit(
    adm: Client,
) -> None:
    taking = set()
    for address, pattern in list_pages(get_resolver()):
        if pattern.callback.__module__.startswith("allauth"):
            continue
        url = re.sub(r"<(\w+):\w+>", lambda kind: "1" if kind[1] == "int" else "x1", address)
        answer = adm.post(f"/{url}")
        if answer.status_code != 405:
            taking.add(pattern.callback.__name__)
    assert taking == {*FORMS, *MAKES, *ACTS, *OWN, *LOOKS, *REMOVES}
