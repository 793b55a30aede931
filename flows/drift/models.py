"""What a day's outputs of a step were against its contract."""

from django.db import models

from flows.assets.models import Asset


class FiguredDay(models.Model):
    """The outputs of the runs that were started on a day, in UTC, by version ``number``.

    A contract with a window also counts those of the days before it.

    ``told`` are the fields whose breach people know of: it is told when it begins. ``unread`` are
    outputs that could not be read.
    """

    contract = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="figured_days")
    day = models.DateField()
    number = models.PositiveIntegerField()
    outputs = models.PositiveIntegerField()
    unread = models.PositiveIntegerField(default=0)
    told = models.JSONField(default=list)
    figured_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contract", "day"], name="drift_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.contract_id}@{self.number} on {self.day}"


class FieldFigure(models.Model):
    """What became of a field in a slice of a day: of all outputs, or those of one ``part``.

    ``sliced_by`` is ``all``, ``version``, ``model`` or ``trigger``. ``said`` names what breaks the
    contract: ``missing``, ``broken``, ``psi``, ``ks``; ``breaches`` counts broken values by kind.
    """

    day = models.ForeignKey(FiguredDay, on_delete=models.CASCADE, related_name="figures")
    field = models.CharField(max_length=200)
    sliced_by = models.CharField(max_length=8)
    part = models.CharField(max_length=120, blank=True)
    outputs = models.PositiveIntegerField()
    missing = models.PositiveIntegerField()
    broken = models.PositiveIntegerField()
    breaches = models.JSONField(default=dict)
    mean = models.FloatField(null=True)
    psi = models.FloatField(null=True)
    ks = models.FloatField(null=True)
    said = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "sliced_by", "part", "field"], name="drift_figure_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.field} of {self.sliced_by} {self.part}"
