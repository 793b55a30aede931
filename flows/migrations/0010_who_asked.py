"""Keep who asked for a run as users, and not as a name to show.

Runs that there are get who is known: the one person whose name the run shows, and for a run that
another called, who asked for that one. A name that several people have says nothing.
"""

from django.db import migrations, models

BATCH = 500


def fill_requesters(apps, schema_editor):
    run_model = apps.get_model("flows", "Run")
    for name, user_id in _list_unique_names(apps.get_model("accounts", "User")).items():
        # A token shows as "person · token".
        by_person = models.Q(started_by=name) | models.Q(started_by__startswith=f"{name} · ")
        run_model.objects.filter(by_person).update(requested_by=[user_id])
    _fill_called(run_model)


def _list_unique_names(user_model):
    names = {}
    for user in user_model.objects.all():
        full_name = f"{user.first_name} {user.last_name}".strip()
        label = user.display_name or full_name or user.username
        for name in {user.username, label}:
            names.setdefault(name, set()).add(user.pk)
    return {name: ids.pop() for name, ids in names.items() if len(ids) == 1}


def _fill_called(run_model):
    """Copy the requesters from each caller, which is older than what it called."""
    called = run_model.objects.filter(trigger="flow", started_by__startswith="run ")
    last = 0
    while rows := list(called.filter(pk__gt=last).order_by("pk").only("started_by")[:BATCH]):
        for run in rows:
            caller_id = run.started_by.removeprefix("run ")
            caller = run_model.objects.filter(pk=caller_id if caller_id.isdigit() else None)
            asked = caller.values_list("requested_by", flat=True).first()
            if asked:
                run_model.objects.filter(pk=run.pk).update(requested_by=asked)
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("flows", "0009_give_held_artifacts"),
        ("accounts", "0003_tour"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="requested_by",
            field=models.JSONField(db_default=[], default=list, help_text="Ids of users."),
        ),
        migrations.AddField(
            model_name="event",
            name="requested_by",
            field=models.JSONField(db_default=[], default=list, help_text="Ids of users."),
        ),
        migrations.RunPython(fill_requesters, migrations.RunPython.noop),
    ]
