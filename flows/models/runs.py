"""Runs and what they are made of: tokens, journal, waits, timers and results that are reused.

The hot path (claim, commit, recover) is SQL in flows/store and writes these tables directly; the
ORM serves pages and services. ``Token`` and ``Journal`` carry no foreign key constraint to ``Run``:
each insert would lock the run row once more.
"""

import re

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from flows.models.flows import Flow, FlowVersion

# An agent is a part of its flow, and its run belongs to the run that called it. What counts or
# chooses among the runs of a flow means the others.
WHOLE_RUNS = Q(version__part="")


class RunStatus(models.TextChoices):
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


# The keys that this server gives to the runs of a page's form, a trigger, a bulk act, a reopened
# case, a line of `flow run`, a step that calls a flow. Nobody else may give one.
OWN_KEY = re.compile(
    r"(?:form|rerun)-[0-9a-f]{8}-[0-9a-f-]{27}|(?:trigger|bulk)-\d+-\d+|reopen-case-\d+"
    r"|line-[0-9a-f]{40}|run-\d+-\d+-\d+(?:-\d+)?"
)


class Run(models.Model):
    """One execution of one version. ``seq`` is the number of its last journal row.

    ``requested_by`` are the ids of the users who asked for it: who started it, or who asked for
    what caused it. ``started_by`` is only a name to show.
    """

    flow = models.ForeignKey(Flow, on_delete=models.PROTECT, related_name="runs")
    version = models.ForeignKey(FlowVersion, on_delete=models.PROTECT, related_name="runs")
    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.RUNNING)
    seq = models.PositiveIntegerField(default=0)
    input = models.JSONField(default=dict)
    output = models.JSONField(null=True)
    outcome = models.CharField(max_length=80, blank=True, default="")
    error = models.JSONField(null=True)
    priority = models.SmallIntegerField(default=100, help_text="Lower runs first.")
    trigger = models.CharField(max_length=20, default="manual")
    idempotency_key = models.CharField(max_length=200, null=True)  # noqa: DJ001 - NULL is "none" in the unique constraint
    started_by = models.CharField(max_length=150, blank=True, default="")
    requested_by = models.JSONField(default=list, db_default=[], help_text="Ids of users.")
    parent_wait_id = models.BigIntegerField(null=True, help_text="The wait that its end resolves.")
    root_id = models.BigIntegerField(
        null=True, help_text="The first run of its chain; none if it is the first itself."
    )
    depth = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How many runs of the chain led to it, one by another."
    )
    rerun_of_id = models.BigIntegerField(null=True, help_text="The run it repeats in part.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow", "idempotency_key"], name="run_idempotency_key"),
            models.CheckConstraint(
                condition=Q(status__in=RunStatus.values), name="run_status_known"
            ),
        ]
        indexes = [
            models.Index(fields=["flow", "-id"], name="run_by_flow"),
            models.Index(fields=["status", "-id"], name="run_by_status"),
            models.Index(
                fields=["parent_wait_id"],
                condition=Q(parent_wait_id__isnull=False),
                name="run_by_parent",
            ),
            models.Index(
                fields=["root_id"], condition=Q(root_id__isnull=False), name="run_by_root"
            ),
        ]

    @property
    def given_key(self) -> str:
        """The idempotency key, or "" if it is one of our own."""
        key = self.idempotency_key or ""
        return "" if OWN_KEY.fullmatch(key) else key


class TokenState(models.TextChoices):
    READY = "ready"  # any worker may claim it
    RUNNING = "running"  # a worker drives it
    WAITING = "waiting"  # a wait, or a timer of its own (a retry), moves it on
    ARRIVED = "arrived"  # parked at a join
    FAILED = "failed"  # stays where it failed, for a retry
    HELD = "held"  # ready, in a run that is paused


class Token(models.Model):
    """A live position in the graph. Updated in place; deleted when its path ends.

    ``activation`` counts the steps this token has started, so (token, activation) names one step
    run across its attempts. ``fence`` rises with each claim: a late finish finds a newer one.
    """

    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="tokens"
    )
    step = models.CharField(max_length=80)
    via = models.CharField(max_length=170, default="", help_text="The edge it came by.")
    state = models.CharField(max_length=8, choices=TokenState.choices)
    fence = models.IntegerField(default=0)
    activation = models.IntegerField(default=1)
    attempt = models.IntegerField(default=1)
    deaths = models.SmallIntegerField(default=0, help_text="Workers that died while they held it.")
    owner = models.BigIntegerField(null=True)
    priority = models.SmallIntegerField(default=100)
    visits = models.JSONField(default=dict, help_text="Visits by step with a limit.")
    pending = models.JSONField(default=list, help_text="Compensations it still has to go to.")
    since = models.DateTimeField(help_text="When it came to this step.")

    class Meta:
        indexes = [
            models.Index(fields=["run"], name="token_by_run"),
            models.Index(fields=["priority", "id"], condition=Q(state="ready"), name="token_ready"),
            models.Index(fields=["owner"], condition=Q(state="running"), name="token_by_owner"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=TokenState.values), name="token_state_known"
            ),
        ]


class Journal(models.Model):
    """What happened in a run: append-only, numbered, one row for each transition.

    ``kind`` is one of flows.engine.events.KINDS. ``data`` is the output of a finished step, the
    error of a failed attempt, the input of a started run.
    """

    pk = models.CompositePrimaryKey("run_id", "seq")
    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="journal"
    )
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)
    step = models.CharField(max_length=80, default="", db_default="")
    token_id = models.BigIntegerField(null=True)
    activation = models.IntegerField(null=True)
    attempt = models.IntegerField(null=True)
    port = models.CharField(max_length=80, default="", db_default="")
    data = models.JSONField(null=True)
    provenance = models.JSONField(null=True)
    worker = models.BigIntegerField(null=True)
    began_at = models.DateTimeField(null=True)
    at = models.DateTimeField(db_default=Now())


class WaitState(models.TextChoices):
    OPEN = "open"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"


class Wait(models.Model):
    """A durable wait of one step run: for a time, an event, a job, a child run, a case."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="waits")
    token_id = models.BigIntegerField()
    activation = models.IntegerField()
    step = models.CharField(max_length=80)
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=10, choices=WaitState.choices, default=WaitState.OPEN)
    detail = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token_id", "activation"], condition=Q(state="open"), name="one_open_wait"
            ),
            models.CheckConstraint(
                condition=Q(state__in=WaitState.values), name="wait_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "key"], condition=Q(state="open"), name="wait_open_key"),
        ]


class Timer(models.Model):
    """An instant at which the clock moves a token: a retry, a time-out, a wait for a time."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="timers")
    token_id = models.BigIntegerField()
    activation = models.IntegerField()
    purpose = models.CharField(max_length=12)  # retry, timeout, wait, defer
    due_at = models.DateTimeField()
    reason = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="What a defer waits for."
    )
    failures = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often firing it raised."
    )

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="timer_due"),
            models.Index(fields=["token_id"], name="timer_by_token"),
            models.Index(fields=["reason", "id"], condition=~Q(reason=""), name="timer_by_reason"),
        ]


class KeptResult(models.Model):
    """The place of a reusable step result, which is in its run's journal.

    ``key`` is a digest of what the result depends on. A row without its journal row, because the
    commit was refused or the run is gone, is ignored.
    """

    key = models.CharField(max_length=64, primary_key=True)
    run_id = models.BigIntegerField()
    token_id = models.BigIntegerField()
    activation = models.IntegerField()
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="kept_result_expiry")]

    def __str__(self) -> str:
        return f"{self.key[:12]} from run {self.run_id}"
