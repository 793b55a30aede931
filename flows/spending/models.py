"""What calls of models cost, and the budgets that bound it.

``Charge`` is each payment, ``Spent`` their sums by day: of a connection, of a flow, of all. A check
before a call reads a few sums and never the payments. ``StepSpent`` are the sums that people look
at. Amounts are in the installation's currency.
"""

from django.db import models
from django.db.models import Q


class Charge(models.Model):
    """What one attempt of a step has paid to one connection. Written with the end of the attempt.

    ``root_id`` is the first run of the chain, which is the run itself where nothing called it.
    ``late_of`` says what came after the end of the attempt: the call of a shadow, by its model, or
    ``(timeout)``, the step itself past its time limit. "" is what came with the end.
    """

    token_id = models.BigIntegerField()
    activation = models.IntegerField()
    attempt = models.IntegerField()
    fence = models.IntegerField()
    connection = models.CharField(max_length=80)
    late_of = models.CharField(max_length=80, blank=True, default="", db_default="")
    run_id = models.BigIntegerField()
    root_id = models.BigIntegerField()
    flow = models.CharField(max_length=80)
    version_id = models.BigIntegerField()
    step = models.CharField(max_length=80)
    cost = models.DecimalField(max_digits=16, decimal_places=6)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            # A batch whose outcome was not learned is written again.
            models.UniqueConstraint(
                fields=["token_id", "activation", "attempt", "fence", "connection", "late_of"],
                name="charge_once_a_call",
            )
        ]
        indexes = [
            models.Index(fields=["root_id"], name="charge_by_root"),
            models.Index(fields=["at"], name="charge_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.cost} to {self.connection}"


class Unanswered(models.Model):
    """A call that was given up, or died with its worker, before its server said what it cost.

    It may have been paid for. The row goes when the answer comes after all. Calls of rehearsals and
    tries are of no attempt, with zeros for it. Of attempts that share a call one stands for it.
    """

    token_id = models.BigIntegerField()
    activation = models.IntegerField()
    attempt = models.IntegerField()
    fence = models.IntegerField()
    connection = models.CharField(max_length=80)
    is_shared = models.BooleanField(default=False, db_default=False)
    run_id = models.BigIntegerField()
    flow = models.CharField(max_length=80)
    step = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "token_id",
                    "activation",
                    "attempt",
                    "fence",
                    "connection",
                    "is_shared",
                ],
                condition=Q(token_id__gt=0),
                name="unanswered_once_a_call",
            )
        ]
        indexes = [models.Index(fields=["at"], name="unanswered_by_time")]

    def __str__(self) -> str:
        return f"{self.connection}, asked by run {self.run_id}"


class Payer(models.TextChoices):
    """What a sum or a budget is about."""

    CONNECTION = "connection", "Connection"
    FLOW = "flow", "Flow"
    ALL = "all", "Everything"


class Spent(models.Model):
    """The sum of a day (in UTC) for a connection, for a flow, or for all, whose name is empty."""

    payer = models.CharField(max_length=12, choices=Payer.choices)
    name = models.CharField(max_length=80, blank=True, default="")
    day = models.DateField()
    cost = models.DecimalField(max_digits=16, decimal_places=6, default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    calls = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payer", "name", "day"], name="spent_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.payer} {self.name} {self.day}: {self.cost}"


class StepSpent(models.Model):
    """The sum of a day (in UTC) for one step of a flow at one connection.

    What is paid without a run has no step: by tests and trials of a flow, and without a flow by
    tests of prompts and tries of a connection.
    """

    flow = models.CharField(max_length=80)
    step = models.CharField(max_length=80)
    connection = models.CharField(max_length=80)
    day = models.DateField()
    cost = models.DecimalField(max_digits=16, decimal_places=6, default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    calls = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "flow", "step", "connection"], name="step_spent_once_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.flow}.{self.step} at {self.connection} {self.day}: {self.cost}"


class Period(models.TextChoices):
    RUN = "run", "Each run"
    DAY = "day", "Day"
    MONTH = "month", "Month"


class Reached(models.TextChoices):
    """What happens to a call past the budget."""

    WARN = "warn", "Only warn"
    STOP = "stop", "Refuse the call"


class Budget(models.Model):
    """At most ``amount`` in a period. A call is refused, by port ``budget``, once it is spent.

    What is under way when the budget is reached is still paid for. A month and a day are UTC's.
    From ``warn_at`` (a share of the amount) on it counts as nearly spent.
    """

    payer = models.CharField(max_length=12, choices=Payer.choices)
    name = models.CharField(max_length=80, blank=True, default="")
    period = models.CharField(max_length=8, choices=Period.choices)
    amount = models.DecimalField(max_digits=16, decimal_places=6)
    warn_at = models.FloatField(default=0.8)
    when_reached = models.CharField(max_length=8, choices=Reached.choices, default=Reached.STOP)
    revision = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150, blank=True, default="")
    # The first day of the period for which people were told that it is nearly, and wholly, spent.
    told_near = models.DateField(null=True)
    told_reached = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payer", "name", "period"], name="budget_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="budget_positive"),
            models.CheckConstraint(
                condition=Q(payer__in=Payer.values, period__in=Period.values),
                name="budget_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} a {self.period} for {self.payer} {self.name}".rstrip()
