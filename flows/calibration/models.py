"""What a model's confidence has turned out to be worth in a flow, fitted by whoever knows."""

from django.db import models


class Calibration(models.Model):
    """A mapping of stated to calibrated confidence. It is never changed: another has a number more.

    ``points`` are ``[stated, calibrated]``, rising, with straight lines between them. ``decisions``
    is how many it was fitted to, up to the decision ``up_to``; the errors are the expected
    calibration errors before and, on decisions it was not fitted to, after.
    """

    flow = models.CharField(max_length=80)
    model = models.CharField(max_length=120)
    number = models.PositiveIntegerField()
    method = models.CharField(max_length=16)
    points = models.JSONField()
    decisions = models.PositiveIntegerField()
    up_to = models.BigIntegerField()
    error_before = models.FloatField()
    error_after = models.FloatField()
    fitted_at = models.DateTimeField()
    fitted_by = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow", "model", "number"], name="calibration_number"),
        ]

    def __str__(self) -> str:
        return f"{self.model}@{self.number} in {self.flow}"
