"""State what each secret is used for: what uses it today keeps it, and nothing else gets it."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import migrations, models

READ = re.compile(r"\bsecrets(?:\.|\[\\?[\"'])([A-Za-z_][A-Za-z0-9_]*)")
# The flow of the checkpoint API names its signing keys in the input of its runs.
CHECKPOINTS = "outside-checkpoints"


def state_uses(apps: Any, schema_editor: Any) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for flow, document in _list_documents(apps):
        for name in READ.findall(json.dumps(document, default=str)):
            found[name].add(f"flow:{flow}")
    triggers = apps.get_model("triggers", "Trigger").objects.exclude(secret_name="")
    webhooks = dict(triggers.values_list("secret_name", "flow__name"))
    has_checkpoints = apps.get_model("flows", "Flow").objects.filter(name=CHECKPOINTS).exists()
    for secret in apps.get_model("secrets", "Secret").objects.defer("ciphertext"):
        if secret.name in webhooks:
            uses = {f"webhook:{webhooks[secret.name]}"}
        elif secret.name.startswith("notice_"):
            uses = {"notices"}
        else:
            uses = found[secret.name] | ({"checkpoint:*"} if has_checkpoints else set())
        secret.uses = sorted(uses)
        secret.save(update_fields=["uses"])


def _list_documents(apps: Any) -> Iterable[tuple[str, Any]]:
    versions = apps.get_model("flows", "FlowVersion").objects
    yield from versions.values_list("flow__name", "document").iterator()
    yield from apps.get_model("flows", "Flow").objects.values_list("name", "draft")


class Migration(migrations.Migration):
    dependencies = [
        ("secrets", "0001_secrets"),
        ("flows", "0007_kept_results"),
        ("triggers", "0001_triggers"),
    ]

    operations = [
        migrations.AddField(model_name="secret", name="uses", field=models.JSONField(default=list)),
        migrations.RunPython(state_uses, migrations.RunPython.noop),
    ]
