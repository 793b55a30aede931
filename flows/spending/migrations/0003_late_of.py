from django.db import migrations, models

KEY = ("token_id", "activation", "attempt", "fence", "connection", "late_of")


class Migration(migrations.Migration):
    dependencies = [("spending", "0002_spent_by_step")]

    operations = [
        migrations.AddField(
            model_name="charge",
            name="late_of",
            field=models.CharField(blank=True, db_default="", default="", max_length=80),
        ),
        migrations.AddConstraint(
            model_name="charge",
            constraint=models.UniqueConstraint(fields=KEY, name="charge_once_a_call"),
        ),
        migrations.RemoveConstraint(model_name="charge", name="charge_once_an_attempt"),
    ]
