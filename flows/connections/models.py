"""Connections to models: where a model is served, what it costs, and which flows may ask it."""

from django.db import models

from flows.models import DocumentField

ANY_FLOW = "*"


class Connection(models.Model):
    """One model at one address, under the name by which steps ask it.

    ``flows`` are the names of the flows that may use it, ``*`` for every flow; none unless chosen.
    Prices are in the currency of the installation. ``card`` is the model card. What the server
    takes and gives is checked against ``input_schema`` and ``output_schema``, if they say anything.
    """

    name = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    address = models.CharField(max_length=500)
    served_as = models.CharField(
        max_length=200, blank=True, default="", help_text="The server's own name for the model."
    )
    secret_name = models.CharField(max_length=120, blank=True, default="")
    options = DocumentField(default=dict)
    parameters = DocumentField(default=dict)
    timeout_seconds = models.FloatField(default=30)
    concurrency = models.PositiveIntegerField(null=True)
    per_second = models.FloatField(null=True)
    price_input = models.DecimalField(
        max_digits=12, decimal_places=6, default=0, help_text="For 1,000 tokens of input."
    )
    price_output = models.DecimalField(
        max_digits=12, decimal_places=6, default=0, help_text="For 1,000 tokens of output."
    )
    price_call = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    price_second = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    flows = models.JSONField(default=list)
    card = DocumentField(default=dict)
    input_schema = DocumentField(default=dict)
    output_schema = DocumentField(default=dict)
    enabled = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150, blank=True, default="")

    def __str__(self) -> str:
        return self.name

    def may_be_used_by(self, flow: str) -> bool:
        return self.enabled and (ANY_FLOW in self.flows or flow in self.flows)
