"""What a role that is granted for one flow or one queue opens: each address, each list, each nudge.

Two flows come to two queues. Every title says where its case stands: ``of-other`` is a flow and
``in-claims`` a queue that the scoped person does not have.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from flows.models import Flow, Run
from reviews.live import may_hear_case, may_hear_queue
from reviews.models import Case, Queue
from reviews.models.notices import Destination, Notice
from reviews.models.quality import DecisionFact, SamplingPolicy
from reviews.models.team import SavedView
from tests.factories.cases import approve, decide, make_case
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office, make_queue
from tests.web.accounts.test_permission_matrix import ADDRESSES, GUARDED, MISSING, Address
from tests.web.pages import if_match
from workbench.accounts.models import Role, RoleGrant, User
from workbench.accounts.permissions import SCOPED_BY
from workbench.accounts.scopes import ANYWHERE, INSTALLATION, OWN, Scope, UnknownScope

pytestmark = pytest.mark.django_db
FLOWS, QUEUES = ("loan", "other"), ("underwriting", "claims")
FORBIDDEN = {"flow": "of-other", "queue": "in-claims"}
SCOPES: tuple[dict[str, Any], ...] = ({"flow": "loan"}, {"queue": "underwriting"})


# --- The table --------------------------------------------------------------------


def test_every_address_says_whose_scope_it_needs() -> None:
    without = [str(each) for each in ADDRESSES if each.required is not None and each.scope is None]
    assert without == []


def test_what_no_grant_can_narrow_is_for_the_installation_or_oneself() -> None:
    wrong = [
        str(each)
        for each in GUARDED
        if each.scope is not None
        and each.required not in SCOPED_BY
        and each.scope.kind not in {INSTALLATION, OWN, ANYWHERE}
    ]
    assert wrong == []


def test_the_argument_that_names_the_scope_is_in_the_address() -> None:
    wrong = [
        str(each)
        for each in GUARDED
        if each.scope is not None
        and each.scope.argument
        and f"{each.scope.argument}>" not in each.route
    ]
    assert wrong == []


@pytest.mark.parametrize("scope", ["", "everything", "flow", "queue", "installation:name"])
def test_a_scope_that_nobody_knows_is_a_mistake_and_not_a_yes(scope: str) -> None:
    with pytest.raises(UnknownScope):
        Scope.read(scope, "cases.view")


def test_a_scope_to_which_no_grant_narrows_the_permission_is_a_mistake() -> None:
    with pytest.raises(UnknownScope):
        Scope.read("queue:name", "runs.view")
    with pytest.raises(UnknownScope):
        Scope.read("rows", "people.manage")


@pytest.mark.parametrize("where", SCOPES, ids=["flow", "queue"])
@pytest.mark.parametrize("role", Role.values)
def test_a_role_for_one_flow_or_queue_opens_nothing_of_the_installation(
    role: str, where: dict[str, Any]
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(make_person("scoped", Role(role), **where))
    opened = []
    for address in GUARDED:
        if address.scope is None or address.scope.kind != INSTALLATION:
            continue
        status = ask(client, address, address.url).status_code
        if status not in {403, 404}:
            opened.append(f"{address} as {role}: {status}")
    assert opened == []


def ask(client: Client, address: Address, url: str) -> Any:
    if address.method != "GET":
        return client.generic(address.method, url, "{}", content_type="application/json")
    response = client.get(url)
    return client.post(url) if response.status_code == 405 else response


# --- Two flows and two queues -----------------------------------------------------


@pytest.fixture
def world() -> dict[str, list[Any]]:
    """Make the cases of both flows in both queues; return what each URL argument can be."""
    make_office(boss=Role.LEAD)
    make_queue("claims")
    Queue.objects.filter(name="claims").update(title="Queue in-claims")
    now = timezone.now()
    Flow.objects.create(name="other", title="Flow of-other", created_at=now, updated_at=now)
    cases = [
        make_standing(flow, queue, how)
        for flow, queue, how in product(FLOWS, QUEUES, ("open", "decided", "held"))
    ]
    make_surroundings()
    own = [case for case in cases if (case.flow, case.queue.name) == ("loan", "underwriting")]
    return {
        "case_id": [case.pk for case in own],
        "run_id": [own[0].run_id],
        "name": [FLOWS[0], QUEUES[0]],
        "username": ["boss"],
    }


def make_standing(flow: str, queue: str, how: str) -> Case:
    now = timezone.now()
    title = f"Case of-{flow} in-{queue}"
    case = make_case(
        now, queue=queue, title=title, subject="S-1", suggestion="approved", confidence=0.95,
        value=100, product="car",
    )  # fmt: skip
    if how == "decided":
        decide(case, "boss", approve())
    if how == "held":
        Case.objects.filter(pk=case.pk).update(
            state="claimed", claimed_by=person("boss").user, claimed_at=now,
            lease_until=now + timedelta(hours=1),
        )  # fmt: skip
    of_flow = Flow.objects.get(name=flow)
    Case.objects.filter(pk=case.pk).update(flow=flow)
    DecisionFact.objects.filter(case_id=case.pk).update(flow=flow)
    Run.objects.filter(pk=case.run_id).update(flow=of_flow)
    case.refresh_from_db()
    return case


def make_surroundings() -> None:
    """Make a sampling policy, a destination and a shared view in each place."""
    now, boss = timezone.now(), person("boss").user
    for flow in FLOWS:
        SamplingPolicy.objects.create(
            flow=flow, step=f"of-{flow}", percent=1, created_by=boss, created_at=now
        )
    for queue in Queue.objects.all():
        Destination.objects.create(
            name=f"in-{queue.name}", title=f"Chat in-{queue.name}", kind="chat", secret="none",
            kinds=["breached"], queue=queue,
        )  # fmt: skip
        SavedView.objects.create(
            queue=queue, owner=boss, name=f"View in-{queue.name}", shared=True, filters={},
            saved_at=now,
        )  # fmt: skip


def tell_of_every_case(user: User) -> None:
    """Make the person a notice of each case, and give them one of each place to hold."""
    now = timezone.now()
    for case in Case.objects.all():
        Notice.objects.create(person=user, case=case, kind="mentioned", by="Boss", at=now)
    held = Case.objects.filter(state="claimed")
    held.update(claimed_by=user)


def list_urls(address: Address, world: dict[str, list[Any]]) -> Iterator[str]:
    """Yield the address with every value that one of its arguments can have."""
    route = "/" + address.route
    names = re.findall(r"<(?:\w+:)?(\w+)>", route)
    if any(name not in world for name in names):
        return
    for values in product(*(world[name] for name in names)):
        url = route
        for name, value in zip(names, values, strict=True):
            url = re.sub(rf"<(?:\w+:)?{name}>", str(value), url)
        yield url


QUERIES = ("", "?q=case", "?text=case", "?show=all", "?show=decided", "?show=closed", "?show=mine")


@pytest.mark.parametrize("where", SCOPES, ids=["flow", "queue"])
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.LEAD, Role.AUDITOR, Role.OPERATOR])
def test_no_page_list_or_answer_names_a_case_outside_the_scope(
    role: str, where: dict[str, Any], world: dict[str, list[Any]]
) -> None:
    user = make_person("scoped", Role(role), **where)
    tell_of_every_case(user)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    [forbidden] = [FORBIDDEN[kind] for kind in where]
    told = []
    for address in ADDRESSES:
        if address.method != "GET" or address.required == MISSING or "accounts/" in address.route:
            continue
        queries = ("",) if "<" in address.route else QUERIES
        for url, query in product(list_urls(address, world), queries):
            if forbidden in url:
                continue
            response = client.get(url + query)
            body = b"".join(response) if response.streaming else response.content
            assert response.status_code < 500, (url, query)
            if forbidden.encode() in body:
                told.append(f"{url}{query}")
    assert told == []


def test_nobody_hears_of_a_case_outside_the_scope(world: dict[str, list[Any]]) -> None:
    of_flow = make_person("fay", Role.REVIEWER, flow="loan")
    of_queue = make_person("quin", Role.REVIEWER, queue="underwriting")
    for case in Case.objects.select_related("queue"):
        assert may_hear_case(of_flow, str(case.pk)) == (case.flow == "loan")
        assert may_hear_case(of_queue, str(case.pk)) == (case.queue.name == "underwriting")
    assert may_hear_queue(of_flow, "claims")
    assert may_hear_queue(of_queue, "underwriting")
    assert not may_hear_queue(of_queue, "claims")


def test_a_reviewer_of_a_flow_opens_its_queues_and_takes_only_its_cases(
    world: dict[str, list[Any]],
) -> None:
    client = signed_in(make_person("fay", Role.REVIEWER, flow="loan"))
    shown = client.get("/review/queues/underwriting/").content.decode()
    assert "Case of-loan in-underwriting" in shown
    assert "of-other" not in shown
    taken = client.post("/api/v1/queues/underwriting/next", {}, content_type="application/json")
    assert taken.json()["title"] == "Case of-loan in-underwriting"
    again = client.post("/api/v1/queues/underwriting/next", {}, content_type="application/json")
    assert again.status_code == 204


# --- Cases decided together -------------------------------------------------------


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1{path}", body, content_type="application/json")


def decide_all(client: Client, path: str) -> Any:
    [group] = client.get(f"/api/v1{path}/like").json()["items"]
    return post(
        client,
        f"{path}/decisions",
        {
            "outcome": group["outcome"],
            "cases": {str(case["id"]): case["revision"] for case in group["cases"]},
            "looked_at": group["sample"],
        },
    )


@pytest.mark.parametrize("where", [{}, *SCOPES], ids=["everywhere", "flow", "queue"])
def test_like_cases_are_decided_together_by_the_api(where: dict[str, Any]) -> None:
    make_office(boss=Role.LEAD)
    for _ in range(3):
        make_case(timezone.now(), suggestion="approved", confidence=0.97, value=100, product="car")
    answer = decide_all(signed_in(make_person("ray", Role.REVIEWER, **where)), QUEUE_PATH)
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["decided"]) == 3


def test_cases_of_another_flow_are_not_decided_together_by_a_reviewer_of_one(
    world: dict[str, list[Any]],
) -> None:
    for flow in ("other", "other"):
        make_standing(flow, "underwriting", "open")
    client = signed_in(make_person("fay", Role.REVIEWER, flow="loan"))
    theirs = list(Case.objects.filter(flow="other", state="open", queue__name="underwriting"))
    answer = post(
        client,
        f"{QUEUE_PATH}/decisions",
        {
            "outcome": "approved",
            "cases": {str(case.pk): case.revision for case in theirs},
            "looked_at": [case.pk for case in theirs],
        },
    )
    assert answer.status_code == 422
    assert "of-other" not in answer.content.decode()
    assert {case.state for case in Case.objects.filter(pk__in=[c.pk for c in theirs])} == {"open"}


QUEUE_PATH = "/queues/underwriting"


# --- A lead of one queue ----------------------------------------------------------


CALENDAR = {"time_zone": "UTC", "hours": {"monday": [["00:00", "24:00"]]}}
POLICY = {"title": "Mine", "calendar": "office", "due_minutes": 5, "breach": "expire"}
HOOK = {
    "title": "Mine", "kind": "webhook", "address": "https://example.org/", "enabled": "on",
    "key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "kinds": "breached",
}  # fmt: skip
ATTEMPTS = {
    "replace a calendar": ("put", "/api/v1/calendars/office", CALENDAR),
    "add a calendar": ("put", "/api/v1/calendars/mine", CALENDAR),
    "replace a calendar on its page": ("post", "/review/sla/calendars/office/", {}),
    "replace an SLA policy": ("put", "/api/v1/sla-policies/standard", POLICY),
    "add an SLA policy": ("put", "/api/v1/sla-policies/mine", POLICY),
    "replace an SLA policy on its page": ("post", "/review/sla/policies/standard/", {}),
    "add a queue": ("post", "/review/queues/new/", {"title": "Mine"}),
    "change another queue": ("put", "/api/v1/queues/claims/settings", {"title": "Mine"}),
    "change another queue on its page": ("post", "/review/queues/claims/settings/", {}),
    "raise a level": ("post", "/review/team/people/boss/", {"level": "9", "skills": ""}),
    "see another queue's destination": ("get", "/review/destinations/in-claims/", {}),
    "replace another queue's destination": (
        "post", "/review/destinations/in-claims/", HOOK | {"queue": "underwriting"},
    ),
    "remove another queue's destination": (
        "post", "/review/destinations/in-claims/remove/", {},
    ),
    "send every queue's notices elsewhere": ("post", "/review/destinations/new/", HOOK),
    "send another queue's notices elsewhere": (
        "post", "/review/destinations/new/", HOOK | {"queue": "claims"},
    ),
    "turn on checks of another queue": (
        "put", "/api/v1/quality/queues/claims",
        {"second_percent": 100, "known_percent": 0, "independent_percent": 0},
    ),
    "sample a flow": (
        "post", "/api/v1/quality/sampling", {"flow": "loan", "step": "review", "percent": 100},
    ),
    "share a view in another queue": (
        "post", "/api/v1/queues/claims/views", {"name": "Mine", "shared": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_lead_of_one_queue_cannot(attempt: str, world: dict[str, list[Any]]) -> None:
    lead = make_person("lou", Role.LEAD, queue="underwriting")
    client = signed_in(lead)
    before = read_tables()
    method, url, body = ATTEMPTS[attempt]
    kind = {"content_type": "application/json"} if url.startswith("/api/") else {}
    status = getattr(client, method)(url, body, **kind).status_code
    assert status in ({422} if url.endswith("destinations/new/") else {403, 404}), status
    assert read_tables() == before


def test_a_lead_of_one_queue_sends_its_own_notices_elsewhere(
    world: dict[str, list[Any]], settings: Any
) -> None:
    settings.OUTGOING_ALLOWLIST = ["example.org"]
    client = signed_in(make_person("lou", Role.LEAD, queue="underwriting"))
    shown = client.get("/review/destinations/new/").content.decode()
    assert "All queues" not in shown
    assert "in-claims" not in shown
    answer = client.post("/review/destinations/new/", HOOK | {"queue": "underwriting"})
    assert answer.status_code == 302, answer.content
    assert Destination.objects.get(title="Mine").queue.name == "underwriting"


def test_a_lead_without_limits_still_sets_what_holds_for_all(
    world: dict[str, list[Any]], settings: Any
) -> None:
    settings.OUTGOING_ALLOWLIST = ["example.org"]
    client = signed_in("boss")
    for attempt in ("replace a calendar", "add an SLA policy", "change another queue"):
        method, url, body = ATTEMPTS[attempt]
        known = {} if attempt.startswith("add") else if_match(client, url)
        answer = getattr(client, method)(url, body, content_type="application/json", headers=known)
        assert answer.status_code == 200, (attempt, answer.content)
    assert client.post("/review/destinations/new/", HOOK).status_code == 302


def read_tables() -> dict[str, list[Any]]:
    """Return the rows of every table but those of sessions and of what was refused."""
    kept = ("django_session",)
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return {
        model._meta.db_table: list(model._base_manager.order_by("pk").values())
        for model in models
        if model._meta.db_table not in kept
    }


def test_figures_of_people_are_of_where_one_may_see_people(world: dict[str, list[Any]]) -> None:
    user = make_person("mix", Role.LEAD, flow="loan")
    RoleGrant.objects.create(
        user=user, role=Role.DESIGNER, flow_name="other", granted_at=timezone.now()
    )
    client = signed_in(user)
    found = client.get("/api/v1/quality/figures").json()
    assert found["decisions"] == 4
    assert [row["decisions"] for row in found["reviewers"]] == [2]
    assert client.get("/api/v1/quality/figures?reviewer=boss").json()["decisions"] == 2
