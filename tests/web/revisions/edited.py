"""Each object that people edit and save whole over the API, made once, with two ways to save it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from flows.assets.files import to_file
from flows.assets.kinds import get_kind
from flows.assets.services import create_asset
from flows.costs.budgets import BudgetKey, BudgetSettings
from flows.costs.services import set_budget
from flows.models import Flow
from flows.triggers.services import create_trigger
from reviews.models import Queue, WorkCalendar
from reviews.models.quality import SamplingPolicy
from reviews.quality.services.known_answers import add_known_answer
from reviews.rules.filters import CaseFilters
from reviews.team.services.saved_views import save_view
from tests.factories.cases import approve, make_decided_case, make_review_version
from tests.factories.connections import make_connection
from tests.factories.contracts import CONTRACT, make_contract
from tests.factories.flows import LOAN, make_flow
from tests.factories.people import ACTOR, make_person, person
from tests.factories.policies import CONTENT, make_policy
from tests.factories.prompts import TRIAGE, make_prompt
from tests.factories.queues import make_office
from tests.factories.tables import LIMITS, make_table
from workbench.accounts.models import Role
from workbench.secrets.services import set_secret

Json = Any
ADMIN = "adm"
BLOCKED: Json = {
    "description": "Who is blocked",
    "entries": [{"value": "mailinator.com", "match": "domain"}],
    "tests": [],
}


@dataclass(frozen=True)
class Edited:
    """``make`` returns its address; ``one`` and ``other`` are two bodies that save it."""

    make: Callable[[], str]
    one: Json = None
    other: Json = None
    method: str = "put"
    removable: bool = field(default=False)


def make_people() -> None:
    """Make an office with somebody who may do everything."""
    make_office(ada=Role.REVIEWER, lea=Role.LEAD)
    make_person(ADMIN, *Role)


def _make_calendar() -> str:
    assert WorkCalendar.objects.filter(name="office").exists()
    return "calendars/office"


def _make_secret() -> str:
    set_secret(name="KEY", value="a", uses=["notices"], actor=ACTOR, now=timezone.now())
    return "secrets/KEY"


def _make_connection() -> str:
    make_connection("risk", enabled=False)
    return "connections/risk"


def _make_draft() -> str:
    make_flow()
    return "flows/loan/draft"


def _make_table() -> str:
    make_table()
    return "tables/limits/draft"


def _make_table_file() -> str:
    make_table()
    return "tables/limits/file"


def _make_prompt_file() -> str:
    make_prompt()
    return "prompts/triage/file"


def _write_files(kind: str, content: Json) -> list[Json]:
    """Return two bodies that save the content with another description."""
    return [
        {
            "name": f"x.{kind}.yaml",
            "text": to_file(get_kind(kind), "x", "X", {**content, "description": word}),
        }
        for word in ("One", "Other")
    ]


def _make_prompt() -> str:
    make_prompt()
    return "prompts/triage/draft"


def _make_policy() -> str:
    make_policy()
    return "policies/refunds/draft"


def _make_policy_file() -> str:
    make_policy()
    return "policies/refunds/file"


def _make_contract() -> str:
    make_contract(released=False)
    return "contracts/fees/draft"


def _make_contract_file() -> str:
    _make_contract()
    return "contracts/fees/file"


def _make_list() -> str:
    create_asset(
        kind=get_kind("list"), name="blocked", title="Blocked", content=BLOCKED, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip
    return "lists/blocked/draft"


def _make_list_file() -> str:
    _make_list()
    return "lists/blocked/file"


def _make_trigger() -> str:
    config = {"cron": "0 2 * * *"}
    trigger = create_trigger(
        flow=make_flow(), kind="schedule", title="Nightly", config=config, input={},
        actor=ACTOR, now=timezone.now(),
    ).trigger  # fmt: skip
    return f"flows/loan/triggers/{trigger.pk}"


def _make_sampling() -> str:
    version = make_review_version()
    Flow.objects.filter(pk=version.flow_id).update(released=version)
    policy = SamplingPolicy.objects.create(
        flow="loan", step="review", percent=5, created_by="x", created_at=timezone.now()
    )
    return f"quality/sampling/{policy.pk}"


def _make_answer() -> str:
    answer = add_known_answer(
        case=make_decided_case("ada", approve()), outcome="approved", note="",
        acting=person("lea"), now=timezone.now(),
    )  # fmt: skip
    return f"quality/known-answers/{answer.pk}"


def _make_view() -> str:
    view = save_view(
        queue=Queue.objects.get(), name="Mine", filters=CaseFilters(), shared=False,
        acting=person(ADMIN), now=timezone.now(),
    )  # fmt: skip
    return f"queues/underwriting/views/{view.pk}"


def _make_budget() -> str:
    set_budget(
        key=BudgetKey("all", "", "day"), settings=BudgetSettings(amount=10), actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip
    return "budgets/all/-/day"


_HOURS = {"hours": {"monday": [["09:00", "17:00"]]}}
_POLICY = {"title": "Standard", "calendar": "office", "breach": "expire"}
_SHARES = {"known_percent": 0, "independent_percent": 0}
_SAMPLING = {"flow": "loan", "step": "review"}
_CONNECTION = {"kind": "http", "address": "http://127.0.0.1:9/", "enabled": False}
EDITED = {
    "/connections/{name}": Edited(
        _make_connection,
        {**_CONNECTION, "title": "Risk"},
        {**_CONNECTION, "title": "Other", "flows": ["loan"]},
        removable=True,
    ),
    "/budgets/{payer}/{name}/{period}": Edited(
        _make_budget, {"amount": 5}, {"amount": 7, "when_reached": "warn"}, removable=True
    ),
    "/secrets/{name}": Edited(
        _make_secret,
        {"value": "b", "uses": ["notices"]},
        {"value": "c", "uses": ["notices"]},
        removable=True,
    ),
    "/flows/{name}/draft": Edited(
        _make_draft, {"document": LOAN}, {"document": {**LOAN, "title": "Other"}}
    ),
    "/flows/{name}/triggers/{trigger_id}": Edited(
        _make_trigger, {"title": "Weekly"}, {"enabled": False}, "patch", removable=True
    ),
    "/policies/{name}/draft": Edited(
        _make_policy, {"content": CONTENT, "title": "One"}, {"content": CONTENT, "title": "Other"}
    ),
    "/policies/{name}/file": Edited(_make_policy_file, *_write_files("policy", CONTENT)),
    "/contracts/{name}/draft": Edited(
        _make_contract,
        {"content": CONTRACT, "title": "One"},
        {"content": CONTRACT, "title": "Other"},
    ),
    "/contracts/{name}/file": Edited(_make_contract_file, *_write_files("contract", CONTRACT)),
    "/lists/{name}/draft": Edited(
        _make_list, {"content": BLOCKED, "title": "One"}, {"content": BLOCKED, "title": "Other"}
    ),
    "/lists/{name}/file": Edited(_make_list_file, *_write_files("list", BLOCKED)),
    "/prompts/{name}/draft": Edited(
        _make_prompt, {"content": TRIAGE, "title": "One"}, {"content": TRIAGE, "title": "Other"}
    ),
    "/prompts/{name}/file": Edited(_make_prompt_file, *_write_files("prompt", TRIAGE)),
    "/tables/{name}/draft": Edited(
        _make_table, {"content": LIMITS, "title": "One"}, {"content": LIMITS, "title": "Other"}
    ),
    "/tables/{name}/file": Edited(_make_table_file, *_write_files("table", LIMITS)),
    "/queues/{name}/views/{view_id}": Edited(_make_view, removable=True),
    "/queues/{name}/settings": Edited(
        lambda: "queues/underwriting/settings", {"work_limit": 3}, {"title": "Other"}
    ),
    "/calendars/{name}": Edited(
        _make_calendar, {**_HOURS, "country": "DE"}, {**_HOURS, "time_zone": "Europe/Berlin"}
    ),
    "/sla-policies/{name}": Edited(
        lambda: "sla-policies/standard",
        {**_POLICY, "due_minutes": 7},
        {**_POLICY, "due_minutes": 9},
    ),
    "/quality/queues/{name}": Edited(
        lambda: "quality/queues/underwriting",
        {**_SHARES, "second_percent": 5},
        {**_SHARES, "second_percent": 7.5},
    ),
    "/quality/sampling/{policy_id}": Edited(
        _make_sampling, {**_SAMPLING, "percent": 7}, {**_SAMPLING, "percent": 9}
    ),
    "/quality/known-answers/{answer_id}": Edited(_make_answer, removable=True),
}
