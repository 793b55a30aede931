"""Keep the evidence with the decision, where a later draft cannot change what a receipt attests.

A decision still in its commit window has its evidence in its author's draft until now. Of one that
is committed the receipt holds it; from there the columns are filled, so that they say the same.
"""

from django.db import migrations, models

BATCH = 500


def fill_evidence(apps, schema_editor):
    draft_model = apps.get_model("reviews", "CaseDraft")
    decision_model = apps.get_model("reviews", "Decision")
    decisions = decision_model.objects.filter(kind="person").exclude(state="withdrawn")
    decisions = decisions.only("case_id", "decided_by_id", "state", "receipt").order_by("pk")
    last = 0
    while rows := list(decisions.filter(pk__gt=last)[:BATCH]):
        for decision in rows:
            evidence = _find_evidence(draft_model, decision)
            decision.opened = evidence.get("opened") or []
            decision.active_seconds = int(evidence.get("active_seconds") or 0)
        decision_model.objects.bulk_update(rows, ["opened", "active_seconds"])
        last = rows[-1].pk


def _find_evidence(draft_model, decision):
    if decision.state == "committed":
        return decision.receipt.get("evidence") or {}
    drafts = draft_model.objects.filter(case=decision.case_id, user=decision.decided_by_id)
    return drafts.values("opened", "active_seconds").first() or {}


class Migration(migrations.Migration):
    dependencies = [("reviews", "0010_title_words")]
    operations = [
        migrations.AddField(
            model_name="decision",
            name="opened",
            field=models.JSONField(db_default=[], default=list),
        ),
        migrations.AddField(
            model_name="decision",
            name="active_seconds",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.RunPython(fill_evidence, migrations.RunPython.noop),
    ]
