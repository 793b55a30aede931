"""What tokens stand for in the texts of a run."""

from django.db import models

from flows.models.runs import Run


class MaskedValue(models.Model):
    """An original that a guard replaced by a token, encrypted and bound to its run and code.

    The token is ``[LABEL NUMBER CODE]``. ``fingerprint`` tells whether a value has one already in
    the run; without the key it tells nothing. Deleting a row leaves the token as it is, for good.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="masked_values")
    step = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    label = models.CharField(max_length=40)
    number = models.PositiveIntegerField()
    code = models.CharField(max_length=16, unique=True)
    fingerprint = models.CharField(max_length=64)
    ciphertext = models.BinaryField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "fingerprint"], name="masked_value_once_a_run"),
            models.UniqueConstraint(fields=["run", "label", "number"], name="masked_value_number"),
        ]

    def __str__(self) -> str:
        return self.token

    @property
    def token(self) -> str:
        return f"[{self.label} {self.number} {self.code}]"
