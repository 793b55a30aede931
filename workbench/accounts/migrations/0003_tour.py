"""The first-run tour: shown to people who are added from now on."""

from typing import Any

from django.db import migrations, models
from django.utils import timezone


def end_for_those_here(apps: Any, schema_editor: Any) -> None:
    apps.get_model("accounts", "User").objects.update(tour_ended_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_roles_tokens")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="tour_ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(end_for_those_here, migrations.RunPython.noop),
    ]
