"""Let the run of each case hold the documents that the case shows."""

import json
import re
from typing import Any

from django.db import migrations

NAMED = re.compile(r'"(?:artifact:|sha256:)?([0-9a-f]{64})"')
BATCH = 1000


def give(apps: Any, schema_editor: Any) -> None:
    artifacts = dict(apps.get_model("flows", "Artifact").objects.values_list("digest", "pk"))
    if not artifacts:
        return
    model = apps.get_model("flows", "RunArtifact")
    rows = []
    cases = apps.get_model("reviews", "Case").objects.values_list("run_id", "shown")
    for run_id, shown in cases.iterator(BATCH):
        found = set(NAMED.findall(json.dumps(shown))) & artifacts.keys()
        rows += [model(run_id=run_id, artifact_id=artifacts[digest]) for digest in found]
        if len(rows) >= BATCH:
            model.objects.bulk_create(rows, ignore_conflicts=True)
            rows = []
    model.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0011_decision_evidence"),
        ("flows", "0009_give_held_artifacts"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
