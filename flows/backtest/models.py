"""Backtests, and the runs that each played."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from flows.models import DocumentField, Flow, FlowVersion


class BacktestState(models.TextChoices):
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Backtest(models.Model):
    """A document that is played over recorded runs, beside the released version.

    ``run_ids`` are chosen at its start. ``summary`` is what flows.backtest.summary makes of the
    rows. Models may be called ``calls_allowed`` times, and no call begins once ``cost_allowed`` is
    spent; ``calls_made`` and their ``cost`` rise with each call.
    """

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="backtests")
    document = DocumentField()
    pins = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()),
        help_text="The version of each asset with which the document is played.",
    )  # fmt: skip
    draft_revision = models.PositiveIntegerField()
    baseline = models.ForeignKey(
        FlowVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    state = models.CharField(
        max_length=10, choices=BacktestState.choices, default=BacktestState.RUNNING
    )
    run_ids = models.JSONField(default=list)
    chosen = models.CharField(max_length=200, blank=True, help_text="Which runs, in words.")
    ask_again = models.BooleanField(default=False)
    calls_allowed = models.PositiveIntegerField(default=0)
    calls_made = models.PositiveIntegerField(default=0)
    cost_allowed = models.FloatField(
        default=0, db_default=0, help_text="No call begins past this cost; 0 is no limit."
    )
    cost = models.FloatField(default=0)
    done = models.PositiveIntegerField(default=0)
    summary = models.JSONField(default=dict)
    error = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=BacktestState.values), name="backtest_state_known"
            ),
        ]
        indexes = [models.Index(fields=["flow", "-id"], name="backtest_by_flow")]

    def __str__(self) -> str:
        return f"{self.flow_id} backtest {self.pk}"

    @property
    def total(self) -> int:
        return len(self.run_ids)


class RunKind(models.TextChoices):
    """How the draft's lane differs from the baseline's: the first of four that applies."""

    FLIPPED = "flipped"  # another outcome
    REROUTED = "rerouted"  # the same outcome, now with or now without people
    CHANGED = "changed"  # the same, by another path or with other values
    SAME = "same"
    # A model's answer is missing in one of them, so that nobody can tell.
    UNANSWERED = "unanswered"


class BacktestRun(models.Model):
    """One recorded run in a backtest.

    ``lanes`` has recorded, baseline and draft, as flows.backtest.lanes.Lane.as_json returns them.
    ``noisy`` means that the baseline itself differs from the record.
    """

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="rows")
    run_id = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=RunKind.choices)
    noisy = models.BooleanField(default=False)
    first_step = models.CharField(max_length=80, blank=True, default="")
    lanes = models.JSONField(default=dict)

    class Meta:
        constraints = [
            # A part that is played twice, after a crash, is stored once.
            models.UniqueConstraint(fields=["backtest", "run_id"], name="backtest_run_once"),
            models.CheckConstraint(
                condition=Q(kind__in=RunKind.values), name="backtest_run_kind_known"
            ),
        ]
        indexes = [models.Index(fields=["backtest", "kind", "run_id"], name="backtest_run_kind")]

    def __str__(self) -> str:
        return f"{self.backtest_id}: run {self.run_id} {self.kind}"
