"""Assets of every kind, and their versions."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from flows.models import DocumentField


class Asset(models.Model):
    """A named definition with a history: one editable draft, many versions, one release.

    What a draft holds is the kind's business: see ``flows.assets.kinds``.
    """

    kind = models.CharField(max_length=40)
    name = models.SlugField(max_length=80)
    title = models.CharField(max_length=200)
    draft = DocumentField(default=dict)
    draft_revision = models.PositiveIntegerField(default=1)
    released = models.ForeignKey(
        "AssetVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    second_person = models.BooleanField(
        default=False, help_text="Another person than its publisher has to release a version."
    )
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="asset_name_once_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class TestRunState(models.TextChoices):
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"  # by an error of ours


class AssetTestRun(models.Model):
    """The tests of a draft, for which a model is asked in the background.

    ``content`` is the draft at ``draft_revision``. No call begins past ``calls`` calls or, unless
    it is 0, past ``cost``; ``calls_made`` rises before each call and ``cost_made`` after it.
    ``results`` are those of the first ``done`` tests, of ``total``.
    """

    __test__ = False

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="test_runs")
    content = DocumentField()
    draft_revision = models.PositiveIntegerField()
    model = models.CharField(max_length=120)
    judge = models.CharField(max_length=120, blank=True, default="")
    calls = models.PositiveIntegerField()
    cost = models.FloatField(default=0)
    calls_made = models.PositiveIntegerField(default=0)
    cost_made = models.FloatField(default=0)
    state = models.CharField(
        max_length=10, choices=TestRunState.choices, default=TestRunState.RUNNING
    )
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    results = models.JSONField(default=list)
    error = models.CharField(max_length=500, blank=True, default="")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=TestRunState.values), name="asset_test_run_state_known"
            ),
            models.UniqueConstraint(
                fields=["asset"], condition=Q(state="running"), name="asset_one_test_run"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id}: tests {self.pk}"

    @property
    def is_running(self) -> bool:
        return self.state == TestRunState.RUNNING

    @property
    def group(self) -> str:
        """The live group that is nudged about its progress."""
        return f"asset-tests.{self.pk}"


class AssetVersion(models.Model):
    """An immutable, numbered publication of a draft. ``tests`` sums up how its own tests went."""

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    content = DocumentField()
    digest = models.CharField(max_length=64)
    note = models.TextField(blank=True)
    tests = models.JSONField(default=dict)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    published_at = models.DateTimeField()
    first_released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "number"], name="asset_version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id}@{self.number}"

    @property
    def label(self) -> str:
        """How a provenance names it: ``name@number``."""
        return f"{self.asset.name}@{self.number}"


class PolicyAttachment(models.Model):
    """A policy that decides at a point: everywhere, or for a flow or a queue.

    Its released version decides. ``point`` is a name of ``flows.policies.points``.
    """

    policy = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="attachments")
    point = models.CharField(max_length=40)
    flow = models.CharField(max_length=80, blank=True)
    queue = models.CharField(max_length=80, blank=True)
    attached_by = models.CharField(max_length=150)
    attached_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "point", "flow", "queue"], name="policy_attached_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.point}: {self.policy_id}"
