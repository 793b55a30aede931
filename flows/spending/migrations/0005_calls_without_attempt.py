from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("spending", "0004_told_and_unanswered"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="unanswered", name="unanswered_once"),
        migrations.AddField(
            model_name="unanswered",
            name="is_shared",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddConstraint(
            model_name="unanswered",
            constraint=models.UniqueConstraint(
                condition=models.Q(("token_id__gt", 0)),
                fields=(
                    "token_id",
                    "activation",
                    "attempt",
                    "fence",
                    "connection",
                    "is_shared",
                ),
                name="unanswered_once_a_call",
            ),
        ),
    ]
