"""PDF files are sent as images of their pages, whatever a server takes."""

from typing import Any

from django.db import migrations


def drop_takes_pdf(apps: Any, schema_editor: Any) -> None:
    for row in apps.get_model("connections", "Connection").objects.filter(kind="openai"):
        if "takes_pdf" in row.options:
            del row.options["takes_pdf"]
            row.save(update_fields=["options"])


class Migration(migrations.Migration):
    dependencies = [("connections", "0001_connections")]
    operations = [migrations.RunPython(drop_takes_pdf, migrations.RunPython.noop)]
