from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("flows", "0018_keep_masked_values"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="recordedanswer",
            index=models.Index(fields=["at"], name="recorded_answer_by_time"),
        ),
    ]
