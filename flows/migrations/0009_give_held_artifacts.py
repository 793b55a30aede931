"""Let each run hold the artifacts to which its data refers, as whoever saw it could read them."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import migrations
from django.db.models import TextField
from django.db.models.functions import Cast

REFERENCE = re.compile(r'"artifact": ?"([0-9a-f]{64})"')
BATCH = 1000


def give(apps: Any, schema_editor: Any) -> None:
    artifacts = dict(apps.get_model("flows", "Artifact").objects.values_list("digest", "pk"))
    if not artifacts:
        return
    model = apps.get_model("flows", "RunArtifact")
    rows = []
    for run_id, value in _list_data(apps):
        found = set(REFERENCE.findall(json.dumps(value))) & artifacts.keys()
        rows += [model(run_id=run_id, artifact_id=artifacts[digest]) for digest in found]
        if len(rows) >= BATCH:
            model.objects.bulk_create(rows, ignore_conflicts=True)
            rows = []
    model.objects.bulk_create(rows, ignore_conflicts=True)


def _list_data(apps: Any) -> Iterator[tuple[int, Any]]:
    runs = apps.get_model("flows", "Run").objects
    for run_id, *data in runs.values_list("pk", "input", "output").iterator(BATCH):
        yield run_id, data
    journal: Iterable[tuple[int, Any]] = (
        apps.get_model("flows", "Journal")
        .objects.annotate(text=Cast("data", TextField()))
        .filter(text__contains='"artifact"')
        .values_list("run_id", "data")
        .iterator(BATCH)
    )
    yield from journal


class Migration(migrations.Migration):
    dependencies = [("flows", "0008_held_artifacts")]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
