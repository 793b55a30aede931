"""Make the facts of the decisions that were committed before there were facts."""

from django.db import migrations

BATCH = 500


def make_facts(apps, schema_editor):
    decision_model = apps.get_model("reviews", "Decision")
    fact_model = apps.get_model("reviews", "DecisionFact")
    decisions = decision_model.objects.filter(kind="person", state="committed", fact=None)
    rows = []
    for decision in decisions.select_related("case").order_by("pk").iterator(BATCH):
        rows.append(_fact(fact_model, decision))
        if len(rows) == BATCH:
            fact_model.objects.bulk_create(rows)
            rows = []
    fact_model.objects.bulk_create(rows)


def _fact(fact_model, decision):
    case = decision.case
    suggestion = case.shown.get("suggestion") or ""
    model = (decision.receipt.get("models") or [{}])[-1]
    evidence = decision.receipt.get("evidence") or {}
    return fact_model(
        decision_id=decision.pk,
        case_id=case.pk,
        queue_id=case.queue_id,
        flow=case.flow,
        reviewer_id=decision.decided_by_id,
        at=decision.committed_at or decision.at,
        outcome=decision.outcome,
        suggestion=suggestion,
        agreed=decision.outcome == suggestion if suggestion else None,
        confidence=case.confidence,
        corrected=len(decision.overrides),
        active_seconds=int(evidence.get("active_seconds") or 0),
        model=str(model.get("model", ""))[:120],
        model_version=str(model.get("version", ""))[:120],
    )


class Migration(migrations.Migration):
    dependencies = [("reviews", "0003_quality")]
    operations = [migrations.RunPython(make_facts, migrations.RunPython.noop)]
