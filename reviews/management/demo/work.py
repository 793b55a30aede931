"""The queues, the SLA policy and the flow of the demo."""

from datetime import datetime

from flows.models import Flow
from flows.selectors.examples import list_examples
from flows.services import create_flow_from_template, publish_version
from reviews.management.demo.accounts import ACTOR
from reviews.models import BreachAction, Queue, SlaPolicy
from reviews.settings.services.queues import create_queue
from reviews.settings.services.sla import create_sla_policy
from workbench.accounts.models import User

# One for each flow under examples/ that a designer may start from.
QUEUES = (
    ("underwriting", "Underwriting", "Loan applications that policy alone does not decide."),
    ("support", "Support", "Customers' requests that want an agent's answer."),
    ("intake", "Document intake", "Documents to compare with what was read from them."),
    ("claims", "Claims", "Insurance claims that an adjuster decides."),
    ("moderation", "Moderation", "Posts that a moderator judges."),
)
TEMPLATE = "consumer_loan/flow"
OFFICE_HOURS = [["08:00", "18:00"]]
CALENDAR = {
    "name": "office-hours",
    "time_zone": "Europe/Berlin",
    "hours": dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OFFICE_HOURS),
    "country": "DE",
}
SLA_STEPS = (
    {"act": "warn", "after_minutes": 240},
    {"act": "remind", "after_minutes": 300, "to": "holder"},
    {"act": "escalate", "after_minutes": 420, "to": "lead"},
)
DUE_MINUTES = 480


def load_queues(now: datetime) -> None:
    known = set(Queue.objects.values_list("name", flat=True))
    for name, title, description in QUEUES:
        if name not in known:
            create_queue(name=name, title=title, description=description, actor=ACTOR, now=now)
    if not SlaPolicy.objects.filter(name="standard").exists():
        _load_policy(now)


def _load_policy(now: datetime) -> None:
    create_sla_policy(
        name="standard",
        title="Within one working day",
        calendar=CALENDAR,
        due_minutes=DUE_MINUTES,
        steps=SLA_STEPS,
        breach=BreachAction.RAISE_PRIORITY,
        queue=Queue.objects.get(name=QUEUES[0][0]),
        actor=ACTOR,
        now=now,
    )


def load_flow(now: datetime) -> Flow:
    """Return the flow, created and published if it is not yet."""
    template = list_examples()[TEMPLATE]
    designer = User.objects.get(username="designer")
    flow = Flow.objects.filter(name=template.document.name).first() or create_flow_from_template(
        template, author=designer, actor=ACTOR, now=now
    )
    if flow.released_id is None:
        publish_version(
            flow_id=flow.pk,
            revision=flow.draft_revision,
            note="The first version, with cutoffs measured on unseen applications",
            author=designer,
            actor=ACTOR,
            now=now,
        )
        flow.refresh_from_db()
    return flow
