from datetime import UTC
from typing import Any

from django.db import migrations, models
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

KEY = ("day", "flow", "step", "connection")


def sum_charges(apps: Any, schema_editor: Any) -> None:
    """Sum what was paid before there were sums by step."""
    charges = apps.get_model("spending", "Charge").objects.order_by()
    sums = charges.annotate(day=TruncDate("at", tzinfo=UTC)).values(*KEY)
    rows = sums.annotate(
        total=Sum("cost"), taken=Sum("input_tokens"), given=Sum("output_tokens"), n=Count("pk")
    )
    model = apps.get_model("spending", "StepSpent")
    model.objects.bulk_create(
        (
            model(
                **{name: row[name] for name in KEY},
                cost=row["total"],
                input_tokens=row["taken"],
                output_tokens=row["given"],
                calls=row["n"],
            )
            for row in rows
        ),
        batch_size=500,
    )


class Migration(migrations.Migration):
    dependencies = [("spending", "0001_spending")]

    operations = [
        migrations.CreateModel(
            name="StepSpent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("flow", models.CharField(max_length=80)),
                ("step", models.CharField(max_length=80)),
                ("connection", models.CharField(max_length=80)),
                ("day", models.DateField()),
                ("cost", models.DecimalField(decimal_places=6, default=0, max_digits=16)),
                ("input_tokens", models.PositiveBigIntegerField(default=0)),
                ("output_tokens", models.PositiveBigIntegerField(default=0)),
                ("calls", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "flow", "step", "connection"), name="step_spent_once_a_day"
                    )
                ],
            },
        ),
        migrations.RunPython(sum_charges, migrations.RunPython.noop),
    ]
