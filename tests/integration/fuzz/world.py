"""One of everything that an address can name, so that requests get past "not found"."""

import json
from typing import Any

from django.utils import timezone

from flows.models import Flow
from flows.runtime.artifacts import store_artifact
from flows.triggers.services import create_trigger
from reviews.models import Notice, Queue
from reviews.notices.services import save_destination
from reviews.quality.services.known_answers import add_known_answer
from reviews.quality.services.policies import Sampling, save_sampling_policy
from reviews.rules.attachments import NewFile
from reviews.rules.filters import CaseFilters
from reviews.services.claims import claim_case
from reviews.services.conversation import add_comment, request_information
from reviews.services.links import ensure_reply_link, make_decision_link
from reviews.team.services.saved_views import save_view
from tests.factories.cases import DOCUMENT, approve, make_case, make_decided_case, make_held_case
from tests.factories.flows import make_flow
from tests.factories.people import ACTOR, make_person, person, signed_in
from tests.factories.queues import make_office
from tests.factories.runs import make_completed_run, make_failed_run, make_waiting_run
from workbench.accounts.models import Role, RoleGrant, User
from workbench.audit.models import Entry
from workbench.dispatch.models import SetAside
from workbench.people.services import create_token
from workbench.secrets.services import set_secret

Json = Any
ADMIN = "adm"
# Smallest valid PDF that a file's first bytes tell of.
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF"


class World:
    """``named`` has what stands after each word of an address: ``{"runs": 7, "flows": "loan"}``."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.named: dict[str, str] = {}
        make_office(ada=Role.REVIEWER, lea=Role.LEAD)
        make_person(ADMIN, *Role)
        self.client = signed_in(ADMIN, raise_request_exception=False)
        for make in (self._make_flows, self._make_cases, self._make_people, self._make_team,
                     self._make_quality, self._make_by_api):  # fmt: skip
            make()
        self.named |= {
            "publish-requests": self.named.get("requests", "1"),
            "calendars": "office", "policies": "standard", "sla-policies": "standard",
            "queues": "underwriting", "versions": "1", "form": "jsonl", "index": "0",
            "kind": "run", "triggers/new": "schedule", "preview": "review", "steps": "review",
            "thresholds": "x", "files": "jsonl", "entries": str(Entry.objects.earliest("pk").pk),
        }  # fmt: skip

    def _make_flows(self) -> None:
        make_completed_run(make_flow("fees"))
        flow = make_flow("loan", **{key: DOCUMENT[key] for key in ("steps", "edges", "title")})
        self.run = make_failed_run(flow, "review")
        make_completed_run(flow)
        make_waiting_run(flow)
        hook = create_trigger(
            flow=Flow.objects.get(name="fees"), kind="webhook", title="Orders",
            config={"max_bytes": 100_000}, input="${ input }", actor=ACTOR, now=self.now,
        )  # fmt: skip
        self.hook, self.hook_secret = hook.trigger, hook.secret
        listening = create_trigger(
            flow=flow, kind="event", title="Paid", config={"event": "paid"},
            input={}, actor=ACTOR, now=self.now,
        ).trigger  # fmt: skip
        set_secret(name="KEY", value="a", actor=ACTOR, now=self.now, uses=["flow:loan"])
        kept = store_artifact(content=PDF, media_type="application/pdf", name="a.pdf", now=self.now)
        aside = SetAside.objects.create(
            task="flows.timers", key=f"run:{self.run.pk}:1:1:wait", cause="x",
            first_at=self.now, last_at=self.now, retry_at=self.now,
        )  # fmt: skip
        self.named |= {
            "flows": "loan", "runs": str(self.run.pk), "triggers": str(listening.pk),
            "hooks": str(self.hook.public_id), "secrets": "KEY", "set-aside": str(aside.pk),
            "artifacts": kept["artifact"],
        }  # fmt: skip

    def _make_cases(self) -> None:
        me = person(ADMIN)
        make_case(self.now)
        self.decided = make_decided_case("ada", approve(), self.now)
        case = make_held_case(ADMIN, self.now)
        comment = add_comment(
            case_id=case.pk, body="See @ada.", acting=me, now=self.now,
            files=[NewFile("a.pdf", PDF)],
        )  # fmt: skip
        waiting = make_case(self.now)
        claim_case(case_id=waiting.pk, acting=me, now=self.now)
        asked = request_information(
            case_id=waiting.pk, question="Which?", acting=me, now=self.now, to="a@example.org",
            fields=["income"],
        )  # fmt: skip
        self.named |= {
            "cases": str(case.pk),
            "attachments": str(comment.attachments.get().pk),
            "documents": "0",
            "reply": _token_of(ensure_reply_link(asked, self.now)),
            "decide": _token_of(make_decision_link(make_case(self.now), me.user, self.now)),
        }

    def _make_people(self) -> None:
        ada = User.objects.get(username="ada")
        token, _ = create_token(
            user=User.objects.get(username=ADMIN), name="one", scopes=["flows.view"], actor=ACTOR,
            now=self.now,
        )  # fmt: skip
        self.named |= {
            "people": "ada", "by-name": "ada", "tokens": str(token.pk),
            "grants": str(RoleGrant.objects.get(user=ada).pk),
        }  # fmt: skip

    def _make_team(self) -> None:
        view = save_view(
            queue=Queue.objects.get(), name="Mine", filters=CaseFilters(), shared=False,
            acting=person(ADMIN), now=self.now,
        )  # fmt: skip
        save_destination(
            name="channel", actor=ACTOR, now=self.now, key="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            values={"title": "Channel", "kind": "webhook", "address": "https://hooks.example/in",
                    "kinds": ["escalated"], "queue": None, "enabled": True},
        )  # fmt: skip
        notice = Notice.objects.filter(person__username="ada").first()
        self.named |= {"views": str(view.pk), "destinations": "channel",
                       "notices": str(notice.pk if notice else 1)}  # fmt: skip

    def _make_quality(self) -> None:
        answer = add_known_answer(
            case=self.decided, outcome="approved", note="", acting=person("lea"), now=self.now
        )
        wanted = Sampling(flow="loan", step="review", percent=5)
        policy = save_sampling_policy(wanted=wanted, acting=person("lea"), now=self.now)
        self.named |= {"known-answers": str(answer.pk), "answers": str(answer.pk),
                       "sampling": str(policy.pk), "checks": "1"}  # fmt: skip

    def _make_by_api(self) -> None:
        """Make what the API makes best, and take its ids from the answers."""
        checkpoint = {"queue": "underwriting", "sla": "standard", "title": "x"}
        day = "2027-01-0{}T08:00:00Z"
        made: dict[str, tuple[str, Json]] = {
            "absences": ("absences", {"starts_at": day.format(1), "ends_at": day.format(9)}),
            "bulk-acts": ("bulk-acts", {"act": "pause", "filter": {}}),
            "many": ("bulk-acts", {"act": "pause", "filter": {}}),
            "backtests": ("flows/loan/backtests", {}),
            "datasets": ("datasets", {"name": "all"}),
            "requests": ("flows/loan/publish-requests", {"note": "x"}),
            "checkpoints": ("checkpoints", {"case": checkpoint}),
        }
        self.not_made: dict[str, str] = {}
        for name, (path, body) in made.items():
            answer = self.client.post(
                f"/api/v1/{path}", json.dumps(body), "application/json", headers={"If-Match": "*"}
            )
            if answer.status_code < 300 and "id" in answer.json():
                self.named[name] = str(answer.json()["id"])
            else:
                self.not_made[name] = f"{answer.status_code} {answer.content.decode()[:300]}"


def _token_of(url: str) -> str:
    return url.rstrip("/").rsplit("/", 1)[-1]
