"""Let each who has an artifact have its name and media type, and the content none.

The media type goes to all. The name goes where nobody else can have chosen it: to the upload that
first stored the content, and to the runs that hold it if at most one person uploaded it.

The columns stay in the database, for the release before, and get defaults for this one's rows.
"""

from datetime import timedelta
from typing import Any

from django.db import migrations, models
from django.db.models import Count, F, OuterRef, Subquery

# Storing a large file takes some seconds, after which its upload is noted.
STORED_BY_IT = timedelta(minutes=1)
ROWS_AT_ONCE = 500


def move(apps: Any, schema_editor: Any) -> None:
    artifacts = apps.get_model("flows", "Artifact").objects
    contents = artifacts.filter(pk=OuterRef("artifact_id"))
    contested = (
        artifacts.annotate(people=Count("uploads")).filter(people__gt=1).order_by().values("pk")
    )
    uploads = apps.get_model("flows", "ArtifactUpload").objects
    holdings = apps.get_model("flows", "RunArtifact").objects
    for rows in (uploads, holdings):
        rows.update(media_type=Subquery(contents.values("media_type")[:1]))
    holdings.exclude(artifact__in=contested).update(name=Subquery(contents.values("name")[:1]))
    stored = uploads.filter(at__lte=F("artifact__created_at") + STORED_BY_IT)
    first = stored.filter(artifact=OuterRef("artifact_id")).order_by("at", "pk").values("pk")[:1]
    firsts = list(stored.filter(pk=Subquery(first)).values_list("pk", flat=True))
    # A statement of SQLite takes only so many values.
    for start in range(0, len(firsts), ROWS_AT_ONCE):
        some = uploads.filter(pk__in=firsts[start : start + ROWS_AT_ONCE])
        some.update(name=Subquery(contents.values("name")[:1]))


class Migration(migrations.Migration):
    dependencies = [("flows", "0012_label_holdings")]

    operations = [
        migrations.RunPython(move, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AlterField(
                    "artifact",
                    "name",
                    models.CharField(blank=True, db_default="", default="", max_length=200),
                ),
                migrations.AlterField(
                    "artifact",
                    "media_type",
                    models.CharField(
                        db_default="application/octet-stream",
                        default="application/octet-stream",
                        max_length=120,
                    ),
                ),
            ],
            state_operations=[
                migrations.RemoveField("artifact", "name"),
                migrations.RemoveField("artifact", "media_type"),
            ],
        ),
    ]
