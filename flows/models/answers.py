"""What models answered, by what they were asked."""

from django.db import models


class RecordedAnswer(models.Model):
    """An answer of a model, kept so that the same question need not be paid for twice.

    ``digest`` is that of all that was asked. ``flow`` names the flow that asked, "" for the test of
    a prompt: no other flow is given it. Where ``run`` is set, the answer is that of this run's
    journal, and goes with it.
    """

    flow = models.CharField(max_length=80, blank=True, default="")
    digest = models.CharField(max_length=64)
    answer = models.JSONField()
    provenance = models.JSONField(default=dict)
    run = models.ForeignKey(
        "flows.Run", null=True, on_delete=models.CASCADE, db_constraint=False, related_name="+"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow", "digest"], name="recorded_answer_once"),
        ]
        indexes = [models.Index(fields=["at"], name="recorded_answer_by_time")]

    def __str__(self) -> str:
        return f"{self.flow}: {self.digest[:12]}"
