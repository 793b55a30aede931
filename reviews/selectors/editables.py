"""What people edit and save whole here, with the revision of each and who saved it last."""

from reviews.models import Queue, Reviewer, SlaPolicy, WorkCalendar
from reviews.models.notices import Destination
from reviews.models.quality import KnownAnswer, QueuePolicy, SamplingPolicy
from reviews.models.team import SavedView
from workbench.accounts.models import User
from workbench.audit.models import Entry
from workbench.audit.selectors import get_last_act
from workbench.http.revisions import Change, Editable, digest
from workbench.secrets.models import Secret

QUEUE_FIELDS = (
    "title", "description", "ordering", "skills", "access", "lease_seconds",
    "commit_window_seconds", "work_limit", "familiar_minutes", "authority",
)  # fmt: skip
SAMPLING_FIELDS = ("flow", "step", "percent", "branch", "outcomes", "equivalents", "enabled")
DESTINATION_FIELDS = ("title", "kind", "address", "kinds", "queue_id", "enabled")
SHARES = ("second_percent", "known_percent", "independent_percent")


def get_shares(queue: Queue) -> dict[str, float]:
    """Return how many of a queue's cases are checked, in percent: one query."""
    policy = QueuePolicy.objects.filter(queue=queue).first()
    return {name: getattr(policy, name) if policy else 0.0 for name in SHARES}


def _digest_of(row: object, names: tuple[str, ...]) -> str:
    return digest({name: getattr(row, name) for name in names})


def _digest_reviewer(person: User) -> str:
    known = Reviewer.objects.filter(user=person).first() or Reviewer(user=person)
    return digest({"level": known.level, "skills": known.skills})


def _digest_policy(policy: SlaPolicy) -> str:
    names = ("title", "due_minutes", "steps", "breach", "calendar_id")
    return _digest_of(policy, names)


def _digest_destination(destination: Destination) -> str:
    # Its key is part of it, and is told apart by its version.
    key = Secret.objects.filter(name=destination.secret).values_list("version", "changed_at")
    names = {name: getattr(destination, name) for name in DESTINATION_FIELDS}
    return digest({**names, "key": list(key)})


def _change_of(entry: Entry | None) -> Change | None:
    return Change(entry.actor_name, entry.at) if entry else None


def _queue_change(queue: Queue) -> Change | None:
    return _change_of(get_last_act(("queue", queue.name), "queue.created", "queue.changed"))


def _calendar_change(calendar: WorkCalendar) -> Change | None:
    subject = ("queue", f"calendar:{calendar.name}")
    return _change_of(get_last_act(subject, "calendar.created", "calendar.changed"))


def _policy_change(policy: SlaPolicy) -> Change | None:
    subject = ("queue", f"sla:{policy.name}")
    return _change_of(get_last_act(subject, "sla_policy.created", "sla_policy.changed"))


def _shares_change(queue: Queue) -> Change | None:
    policy = QueuePolicy.objects.filter(queue=queue).first()
    return Change(policy.changed_by, policy.changed_at) if policy else None


def _sampling_change(policy: SamplingPolicy) -> Change | None:
    named = {"payload__body__contains": f'"policy":{policy.pk},'}
    action = "quality.sampling_policy_changed"
    return _change_of(get_last_act(("flow", policy.flow), action, **named))


def _destination_change(destination: Destination) -> Change | None:
    subject = ("destination", f"notice:{destination.name}")
    return _change_of(get_last_act(subject, "destination.added", "destination.changed"))


def _reviewer_change(person: User) -> Change | None:
    return _change_of(get_last_act(("user", str(person.pk)), "reviewer.changed"))


def _answer_change(answer: KnownAnswer) -> Change | None:
    return Change(answer.created_by.label, answer.created_at)


QUEUE = Editable(
    Queue.objects, "the queue", ("name",), lambda row: _digest_of(row, QUEUE_FIELDS), _queue_change
)
CALENDAR = Editable(
    WorkCalendar.objects,
    "the calendar",
    ("name",),
    lambda row: digest(row.snapshot()),
    _calendar_change,
)
SLA_POLICY = Editable(
    SlaPolicy.objects, "the SLA policy", ("name",), _digest_policy, _policy_change, ("calendar",)
)
QUEUE_SHARES = Editable(
    Queue.objects,
    "the quality policy",
    ("name",),
    lambda row: digest(get_shares(row)),
    _shares_change,
)
SAMPLING_POLICY = Editable(
    SamplingPolicy.objects,
    "the sampling policy",
    ("pk",),
    lambda row: _digest_of(row, SAMPLING_FIELDS),
    _sampling_change,
)
KNOWN_ANSWER = Editable(
    KnownAnswer.objects,
    "the known answer",
    ("pk",),
    lambda row: _digest_of(row, ("case_id", "outcome", "note", "retired_at")),
    _answer_change,
    ("queue", "created_by"),
)
SAVED_VIEW = Editable(
    SavedView.objects,
    "the view",
    ("queue_id", "owner_id", "name"),
    lambda row: _digest_of(row, ("shared", "filters")),
    lambda row: Change(row.owner.label, row.saved_at),
    ("owner",),
)
DESTINATION = Editable(
    Destination.objects,
    "the destination",
    ("name",),
    _digest_destination,
    _destination_change,
    ("queue",),
)
REVIEWER = Editable(User.objects, "the reviewer", ("pk",), _digest_reviewer, _reviewer_change)
