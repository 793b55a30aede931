"""Queues, cases and what was decided."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from reviews.models.queues import Queue
from reviews.models.states import ACTIVE, CLAIMABLE, CaseState
from workbench.search.words import HasWords, WordsField

Person = settings.AUTH_USER_MODEL
ACTIVE_STATES = sorted(ACTIVE)
CLAIMABLE_STATES = sorted(CLAIMABLE)
# A case that has not ended. Queries on many cases have it beside the states, to use an index.
OPEN_ENDED = Q(closed_at__isnull=True)


class Case(HasWords):
    """A run's question to people.

    ``wait_id`` is None for a check of a decision (reviews.quality): no run waits for it.
    ``independent``: the reviewer chooses before the model's answer is shown.
    ``revision`` rises with each move; a write that names an older one is stale. ``shown`` is the
    layout as it was rendered at opening: what the reviewer sees is what was recorded. ``fields``
    are the values by key, with the overrides of earlier approvers applied. ``rank`` is the place
    in the queue (reviews.rules.ordering). The SLA's clock is ``used_seconds`` plus working time
    since ``running_since``; the next act of its plan is number ``acts_done``, at ``next_act_at``.
    """

    # What refers to others has no index of its own: each is the beginning of one below.
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="cases", db_index=False)
    wait_id = models.BigIntegerField(null=True)
    run_id = models.BigIntegerField()
    flow = models.CharField(max_length=80)
    flow_version = models.PositiveIntegerField()
    step = models.CharField(max_length=80)
    title = models.CharField(max_length=300)
    title_words = WordsField(of="title")
    summary = models.CharField(max_length=500, blank=True, default="")
    subject = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=16, choices=CaseState.choices, default=CaseState.OPEN)
    revision = models.PositiveIntegerField(default=1)
    claimed_by = models.ForeignKey(
        Person,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="claimed_cases",
        db_index=False,
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    familiar = models.ForeignKey(
        Person,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="Who worked on it before; a returned case is offered to them first.",
    )
    reserved_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then the case is kept for ``familiar``."
    )
    escalation = models.PositiveSmallIntegerField(default=0)
    priority = models.PositiveSmallIntegerField(default=3)
    value = models.FloatField(null=True, blank=True)
    product = models.CharField(max_length=80, blank=True, default="")
    rank = models.FloatField()
    confidence = models.FloatField(null=True, blank=True)
    independent = models.BooleanField(default=False)
    requested_by = models.CharField(max_length=150, blank=True, default="")
    shown = models.JSONField(default=dict)
    rules = models.JSONField(default=dict)
    fields = models.JSONField(default=dict)
    sla = models.JSONField(default=dict)
    used_seconds = models.FloatField(default=0)
    running_since = models.DateTimeField(null=True, blank=True)
    acts_done = models.PositiveSmallIntegerField(default=0)
    next_act_at = models.DateTimeField(null=True, blank=True)
    warn_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=80, blank=True, default="")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wait_id"],
                condition=Q(state__in=ACTIVE_STATES),
                name="case_one_active_for_a_wait",
            ),
            models.CheckConstraint(
                condition=Q(state__in=CaseState.values), name="case_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=CaseState.CLAIMED)
                | Q(claimed_by__isnull=False, lease_until__isnull=False),
                name="case_claim_has_holder",
            ),
            models.CheckConstraint(
                condition=Q(state__in=ACTIVE_STATES) | Q(closed_at__isnull=False),
                name="case_closed_has_instant",
            ),
        ]
        indexes = [
            # By what is or is not NULL, and not by states: SQLite uses a partial index only for
            # a condition that has no parameter.
            models.Index(fields=["queue", "rank", "id"], condition=OPEN_ENDED, name="case_active"),
            models.Index(fields=["rank", "id"], condition=OPEN_ENDED, name="case_active_of_all"),
            # All that a queue's figures are counted from, so that no case is read for them.
            models.Index(
                fields=["queue", "state", "due_at", "warn_at", "claimed_by", "opened_at", "flow"],
                condition=OPEN_ENDED,
                name="case_figures",
            ),
            models.Index(
                fields=[
                    "queue",
                    "claimed_by",
                    "rank",
                    "id",
                    "due_at",
                    "warn_at",
                    "claimed_at",
                    "state",
                ],
                condition=OPEN_ENDED & Q(claimed_by__isnull=False),
                name="case_held",
            ),
            models.Index(
                fields=["queue", "-closed_at", "-id"],
                condition=Q(closed_at__isnull=False),
                name="case_closed",
            ),
            models.Index(
                fields=["next_act_at"],
                condition=Q(next_act_at__isnull=False),
                name="case_next_act",
            ),
            # Whole ones: SQLite takes a partial index only where the condition is no parameter.
            models.Index(fields=["queue", "state", "rank", "id"], name="case_in_line"),
            models.Index(fields=["claimed_by", "state", "rank", "id"], name="case_in_hand"),
            models.Index(fields=["flow", "step", "state", "id"], name="case_decided_alike"),
            models.Index(fields=["familiar", "queue", "state", "rank", "id"], name="case_familiar"),
            models.Index(
                fields=["lease_until"],
                condition=Q(lease_until__isnull=False),
                name="case_lease",
            ),
            models.Index(fields=["wait_id"], name="case_by_wait"),
            models.Index(fields=["run_id"], name="case_by_run"),
            models.Index(fields=["subject", "flow"], name="case_by_subject"),
        ]

    def __str__(self) -> str:
        return f"Case {self.pk}"

    @property
    def listed_confidence(self) -> float | None:
        """The confidence that lists show: None while the case is decided independently first."""
        return None if self.independent and self.state in ACTIVE else self.confidence

    @property
    def free_state(self) -> CaseState:
        """The state in which the case waits in its queue when nobody holds it."""
        return CaseState.ESCALATED if self.escalation else CaseState.OPEN

    def held_by(self, user: Any, now: datetime) -> bool:
        """Return whether the person holds a claim that has not expired."""
        return (
            self.state == CaseState.CLAIMED
            and self.claimed_by_id == user.pk
            and self.lease_until is not None
            and self.lease_until > now
        )


class CaseDraft(models.Model):
    """What a reviewer has typed and not sent. It outlives a lost claim and a reload.

    ``content``: ``{outcome, reasons, comment, fields, form}``. ``opened`` are the ids of evidence
    looked at, ``active_seconds`` the time with the page in front. While a decision can be undone
    its author's draft is what was sent, for undoing to bring back; nothing else reads it.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="drafts")
    user = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    content = models.JSONField(default=dict)
    opened = models.JSONField(default=list)
    active_seconds = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "user"], name="case_draft_of_a_person"),
        ]


class DecisionKind(models.TextChoices):
    PERSON = "person"
    POLICY = "policy"
    TIMEOUT = "timeout"
    FORCED = "forced"


class DecisionState(models.TextChoices):
    PENDING = "pending"  # within the commit window
    COMMITTED = "committed"
    WITHDRAWN = "withdrawn"  # undone within the commit window


class Decision(models.Model):
    """What someone concluded. ``final`` False is one approval of several that are needed.

    ``overrides``: ``[{"field", "old", "new", "reason"}]``. ``places``: where fields stand on the
    documents, as the person marked it, ``[{"field", "document", "page", "at", "text"}]``.
    ``grounds``: by reason code, the key of the field, or the id of the document or group, that the
    reason rests on. ``opened`` are the ids
    of the evidence looked at and ``active_seconds`` the time with the page in front, as they were
    sent with the decision and within what the server knows. ``measured`` is what it knows, and what
    was stated: see reviews.rules.evidence. ``receipt`` is what was shown, by whose authority and
    with which versions; ``digest`` is the SHA-256 of its RFC 8785 form.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=8, choices=DecisionKind.choices)
    state = models.CharField(max_length=9, choices=DecisionState.choices)
    final = models.BooleanField(default=True)
    outcome = models.CharField(max_length=80)
    reasons = models.JSONField(default=list)
    grounds = models.JSONField(default=dict)
    comment = models.TextField(blank=True, default="")
    overrides = models.JSONField(default=list)
    places = models.JSONField(default=list, db_default=[])
    form = models.JSONField(default=dict)
    opened = models.JSONField(default=list, db_default=[])
    active_seconds = models.PositiveIntegerField(default=0, db_default=0)
    measured = models.JSONField(default=dict, db_default={})
    decided_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    channel = models.CharField(max_length=8, default="page")
    token = models.ForeignKey(
        "accounts.ApiToken", null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text="The token of the program by which they decided.",
    )  # fmt: skip
    at = models.DateTimeField()
    commit_at = models.DateTimeField()
    committed_at = models.DateTimeField(null=True, blank=True)
    receipt = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(final=True) & ~Q(state="withdrawn"),
                name="decision_one_final",
            ),
            models.UniqueConstraint(
                fields=["case", "decided_by"],
                condition=~Q(state="withdrawn"),
                name="decision_once_a_person",
            ),
            models.UniqueConstraint(
                fields=["case"], condition=Q(state="pending"), name="decision_one_pending"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=DecisionKind.values), name="decision_kind_known"
            ),
            # Only a person counts as a person; a time-out has nobody behind it.
            models.CheckConstraint(
                condition=Q(kind="person", decided_by__isnull=False)
                | Q(kind="forced", decided_by__isnull=False)
                | Q(kind__in=["policy", "timeout"], decided_by__isnull=True),
                name="decision_kind_has_its_author",
            ),
            models.CheckConstraint(
                condition=Q(state__in=DecisionState.values), name="decision_state_known"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "commit_at"], name="decision_due"),
            models.Index(fields=["decided_by", "at"], name="decision_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"Decision {self.pk}"
