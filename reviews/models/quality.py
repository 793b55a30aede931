"""What the quality of decisions is measured by. The other tables do not depend on these."""

from django.conf import settings
from django.db import models
from django.db.models import Q

Person = settings.AUTH_USER_MODEL


def percent_between(name: str, *fields: str) -> models.CheckConstraint:
    within = Q()
    for field in fields:
        within &= Q(**{f"{field}__gte": 0, f"{field}__lte": 100})
    return models.CheckConstraint(condition=within, name=name)


class QueuePolicy(models.Model):
    """How closely a queue's decisions are watched. Shares are in percent of its cases.

    ``second``: decided again by someone else, blind. ``known``: cases with a known answer mixed
    in. ``independent``: the reviewer chooses before the model's answer is shown. ``seeded_to`` is
    the newest case for which a known one was considered.
    """

    queue = models.OneToOneField(
        "reviews.Queue", on_delete=models.CASCADE, related_name="quality_policy"
    )
    second_percent = models.FloatField(default=0)
    known_percent = models.FloatField(default=0)
    independent_percent = models.FloatField(default=0)
    seeded_to = models.BigIntegerField(default=0)
    changed_by = models.CharField(max_length=200, blank=True, default="")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            percent_between(
                "queue_policy_percent", "second_percent", "known_percent", "independent_percent"
            ),
        ]

    def __str__(self) -> str:
        return f"Quality of {self.queue_id}"


class SamplingPolicy(models.Model):
    """Which automatic decisions of a flow people look at afterwards.

    A run counts if it completed without a person, with one of ``outcomes`` (empty: any), and left
    ``branch`` (``step.port``; empty: any). ``step`` is the checkpoint whose layout and queue the
    case takes. ``equivalents`` maps the run's outcome to the case's: ``{"declined": "rejected"}``.
    Runs up to the id ``looked_to`` have been considered.
    """

    flow = models.SlugField(max_length=80)
    step = models.CharField(max_length=80)
    branch = models.CharField(max_length=161, blank=True, default="")
    outcomes = models.JSONField(default=list, blank=True)
    equivalents = models.JSONField(default=dict, blank=True)
    percent = models.FloatField()
    enabled = models.BooleanField(default=True)
    looked_to = models.BigIntegerField(default=0)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [percent_between("sampling_policy_percent", "percent")]

    def __str__(self) -> str:
        return f"{self.percent:g} % of {self.flow}"


class SampleState(models.TextChoices):
    WAITING = "waiting"  # the run has not ended
    OPENED = "opened"  # there is a case
    SKIPPED = "skipped"  # a person decided it, or it ended otherwise: ``reason`` says which


class SampledRun(models.Model):
    """A run that a policy drew. It is drawn by its id alone, before anyone knows how it ends."""

    policy = models.ForeignKey(SamplingPolicy, on_delete=models.CASCADE, related_name="drawn")
    run_id = models.BigIntegerField()
    state = models.CharField(max_length=7, choices=SampleState.choices, default=SampleState.WAITING)
    reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["policy", "run_id"], name="sampled_run_once"),
            models.CheckConstraint(
                condition=Q(state__in=SampleState.values), name="sampled_run_state_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["policy", "run_id"],
                condition=Q(state="waiting"),
                name="sampled_run_waiting",
            ),
        ]


class KnownAnswer(models.Model):
    """A decided case whose right answer is agreed on; copies of it test reviewers."""

    queue = models.ForeignKey("reviews.Queue", on_delete=models.PROTECT, related_name="+")
    case = models.OneToOneField(
        "reviews.Case", on_delete=models.PROTECT, related_name="known_answer"
    )
    outcome = models.CharField(max_length=80)
    note = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Known answer of case {self.case_id}"


class CheckKind(models.TextChoices):
    SAMPLE = "sample", "Automatic decision"
    SECOND = "second", "Blind second review"
    KNOWN = "known", "Known answer"


class CheckState(models.TextChoices):
    OPEN = "open"
    SETTLED = "settled"  # decided: ``agreed`` says how
    DROPPED = "dropped"  # ended without a person's decision


class QualityCheck(models.Model):
    """A case that no run waits for: its decision is compared with ``expected``, and that is all.

    ``original`` is the case it repeats; a sample has none. ``source`` names what caused it, once
    for each kind. ``expected_by`` is who decided the original, None for a machine.
    ``looked_at`` is when a lead closed the disagreement, with a ``note``.
    """

    case = models.OneToOneField("reviews.Case", on_delete=models.PROTECT, related_name="check_of")
    kind = models.CharField(max_length=6, choices=CheckKind.choices)
    state = models.CharField(max_length=7, choices=CheckState.choices, default=CheckState.OPEN)
    source = models.CharField(max_length=80)
    original = models.ForeignKey(
        "reviews.Case", null=True, on_delete=models.PROTECT, related_name="checked_by"
    )
    known = models.ForeignKey(
        KnownAnswer, null=True, on_delete=models.PROTECT, related_name="checks"
    )
    expected = models.CharField(max_length=80)
    expected_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=80, blank=True, default="")
    agreed = models.BooleanField(null=True)
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    looked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "source"], name="check_once_a_source"),
            models.CheckConstraint(condition=Q(kind__in=CheckKind.values), name="check_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=CheckState.values), name="check_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="settled") | Q(agreed__isnull=False, settled_at__isnull=False),
                name="check_settled_has_a_result",
            ),
        ]
        indexes = [
            models.Index(fields=["original"], name="check_by_original"),
            models.Index(
                fields=["-settled_at"], condition=Q(agreed=False), name="check_disagreements"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} check {self.pk}"


class FirstChoice(models.Model):
    """What a reviewer chose before the model's answer was shown. Never changed, never deleted."""

    case = models.ForeignKey("reviews.Case", on_delete=models.PROTECT, related_name="first_choices")
    user = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=80)
    active_seconds = models.PositiveIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "user"], name="first_choice_of_a_person"),
        ]


class DecisionFact(models.Model):
    """What figures need of a person's committed decision, flat, so that SQL can count it.

    Written in the decision's own transaction, from the case and the receipt, and never by hand:
    ``manage.py quality facts`` makes it anew. ``agreed`` is None where the model suggested nothing.
    ``check_kind`` is "" for a case that a run waited for.
    """

    decision = models.OneToOneField(
        "reviews.Decision", primary_key=True, on_delete=models.CASCADE, related_name="fact"
    )
    case_id = models.BigIntegerField()
    queue = models.ForeignKey("reviews.Queue", on_delete=models.PROTECT, related_name="+")
    flow = models.CharField(max_length=80)
    reviewer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=80)
    suggestion = models.CharField(max_length=80, blank=True, default="")
    agreed = models.BooleanField(null=True)
    confidence = models.FloatField(null=True)
    stated_confidence = models.FloatField(
        null=True, help_text="What the model stated, where the confidence is calibrated."
    )
    corrected = models.PositiveSmallIntegerField(default=0, help_text="Fields that were changed.")
    active_seconds = models.PositiveIntegerField(default=0)
    model = models.CharField(max_length=120, blank=True, default="")
    model_version = models.CharField(max_length=120, blank=True, default="")
    check_kind = models.CharField(max_length=6, blank=True, default="")
    first_outcome = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="fact_by_time"),
            models.Index(fields=["queue", "at"], name="fact_by_queue"),
            models.Index(fields=["case_id"], name="fact_by_case"),
        ]


class DatasetVersion(models.Model):
    """An immutable export of decisions. ``filter`` with ``up_to`` (the newest decision it may hold)
    makes the same rows again; ``digest`` is the SHA-256 of their JSONL form, kept at ``path``."""

    name = models.SlugField(max_length=80)
    number = models.PositiveIntegerField()
    filter = models.JSONField(default=dict)
    up_to = models.BigIntegerField()
    count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    size = models.BigIntegerField()
    path = models.CharField(max_length=300)
    note = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "number"], name="dataset_version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"
