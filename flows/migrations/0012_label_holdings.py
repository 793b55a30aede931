from django.db import migrations, models


def name() -> models.CharField:
    return models.CharField(blank=True, db_default="", default="", max_length=200)


def media_type() -> models.CharField:
    return models.CharField(blank=True, db_default="", default="", max_length=120)


class Migration(migrations.Migration):
    dependencies = [("flows", "0011_run_chains")]

    operations = [
        migrations.AddField("runartifact", "name", name()),
        migrations.AddField("runartifact", "media_type", media_type()),
        migrations.AddField("artifactupload", "name", name()),
        migrations.AddField("artifactupload", "media_type", media_type()),
        migrations.AddField("event", "labels", models.JSONField(db_default={}, default=dict)),
    ]
