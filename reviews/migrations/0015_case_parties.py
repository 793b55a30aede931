"""Keep who has a part in a case as users: who asked for it and who edited it.

Cases that there are get what is known: who asked for the run, the one person whom `requested_by`
names, who committed overrides, and who changed fields by an answer. A name that several people
have says nothing.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

BATCH = 500
BY_LINK = " (by link)"


def fill_parties(apps, schema_editor):
    users = apps.get_model("accounts", "User").objects
    people, known = _list_unique_names(users.all()), set(users.values_list("pk", flat=True))
    _fill_requesters(apps, people, known)
    _fill_deciding_editors(apps)
    _fill_answering_editors(apps, people)
    _fill_later_cases(apps)


def _list_unique_names(users):
    names = {}
    for user in users:
        full_name = f"{user.first_name} {user.last_name}".strip()
        for name in {user.username, user.display_name or full_name or user.username}:
            names.setdefault(name, set()).add(user.pk)
    return {name: ids.pop() for name, ids in names.items() if len(ids) == 1}


def _fill_requesters(apps, people, known):
    run_model = apps.get_model("flows", "Run")
    cases = apps.get_model("reviews", "Case").objects
    for batch in _walk(cases.only("run_id", "requested_by", "opened_at")):
        runs = run_model.objects.filter(pk__in={case.run_id for case in batch})
        asked = dict(runs.values_list("pk", "requested_by"))
        rows = []
        for case in batch:
            proved = set(asked.get(case.run_id) or ()) & known
            named = {people[case.requested_by]} if case.requested_by in people else set()
            for user_id in proved | named:
                how = f"Asked for run {case.run_id}" if user_id in proved else "Named by the flow"
                rows.append((case.pk, user_id, "requested", user_id in proved, how, case.opened_at))
        _add(apps, rows)


def _fill_deciding_editors(apps):
    decisions = apps.get_model("reviews", "Decision").objects.filter(
        state="committed", decided_by__isnull=False
    )
    for batch in _walk(decisions.exclude(overrides=[])):
        _add(
            apps,
            [
                (d.case_id, d.decided_by_id, "edited", True, f"Decision {d.pk}", d.committed_at)
                for d in batch
                if d.overrides
            ],
        )


def _fill_answering_editors(apps, people):
    asked = apps.get_model("reviews", "InformationRequest").objects
    for batch in _walk(asked.filter(answered_at__isnull=False)):
        rows = []
        for each in batch:
            # A token shows as "person · token".
            name = each.answered_by.removesuffix(BY_LINK).split(" · ")[0]
            if not each.changes or name not in people:
                continue
            proved = not each.answered_by.endswith(BY_LINK)
            how = f"Answer to question {each.pk}"
            rows.append((each.case_id, people[name], "edited", proved, how, each.answered_at))
        _add(apps, rows)


def _fill_later_cases(apps):
    """Copy the editors to the later cases of their run, and of the runs that repeat it."""
    party_model = apps.get_model("reviews", "CaseParty")
    cases = apps.get_model("reviews", "Case").objects
    runs = apps.get_model("flows", "Run").objects
    for batch in _walk(party_model.objects.filter(part="edited").select_related("case")):
        rows = []
        for party in batch:
            line = frontier = {party.case.run_id}
            while frontier:
                again = runs.filter(rerun_of_id__in=frontier).values_list("pk", flat=True)
                frontier = set(again) - line
                line = line | frontier
            later = cases.filter(run_id__in=line, pk__gt=party.case_id, wait_id__isnull=False)
            rows += [
                (pk, party.user_id, "edited", party.proved, party.how, party.at)
                for pk in later.values_list("pk", flat=True)
            ]
        _add(apps, rows)


def _walk(rows):
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield batch
        last = batch[-1].pk


def _add(apps, rows):
    names = ("case_id", "user_id", "part", "proved", "how", "at")
    party_model = apps.get_model("reviews", "CaseParty")
    party_model.objects.bulk_create(
        [party_model(**dict(zip(names, row, strict=True))) for row in rows], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0014_servings"),
        ("flows", "0010_who_asked"),
        ("accounts", "0003_tour"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseParty",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("requested", "Asked for it"),
                            ("edited", "Edited it"),
                            ("decided", "Decided an earlier step"),
                        ],
                        max_length=9,
                    ),
                ),
                ("proved", models.BooleanField(default=True)),
                ("how", models.CharField(max_length=120)),
                ("at", models.DateTimeField()),
                (
                    "case",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parties",
                        to="reviews.case",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("case", "user", "part"), name="case_party_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("part__in", ["requested", "edited", "decided"])),
                        name="case_part_known",
                    ),
                ],
            },
        ),
        migrations.RunPython(fill_parties, migrations.RunPython.noop),
    ]
