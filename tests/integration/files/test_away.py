"""While the S3 store is away, a run waits, and goes on when it answers again."""

from typing import Any

import pytest

from flows.models import Timer
from flows.runtime.artifacts import store_artifact
from flows.runtime.labels import Label
from tests.driving import driving, ended, start
from tests.factories.files import make_pdf
from tests.factories.probes import publish_flow
from tests.servers import Bucket
from tests.waiting import until
from workbench.files.errors import StoreAway

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.own_servers,
    pytest.mark.timeout(180),
]
READ = {"type": "document.read", "file": "${ input.file }"}

PDF = make_pdf("Dear Sir")


def store(now: Any) -> dict[str, Any]:
    return store_artifact(content=PDF, media_type="application/pdf", name="a.pdf", now=now)


def test_a_step_is_put_off_until_the_store_is_back(
    settings: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, now: Any
) -> None:
    monkeypatch.setattr("flows.runtime.execution.STORE_PAUSE_SECONDS", 3.0)
    settings.ARTIFACT_STORE = bucket.settings["ARTIFACT_STORE"]
    settings.STORAGES = dict(settings.STORAGES)
    flow = publish_flow("read -> after", read=READ, output={"text": "${ steps.read.output.text }"})
    file = store(now)
    given = {file["artifact"]: Label("a.pdf", "application/pdf")}
    bucket.server.kill()
    with pytest.raises(StoreAway, match=r"s3://papers/kept at http.* does not answer"):
        store(now)
    with driving():
        run = start(flow, {"file": file}, passed_on=given)
        until(lambda: Timer.objects.filter(purpose="defer", reason="store").exists())
    # The server has lost everything: nobody looks until it has it again.
    bucket.server.start()
    bucket.make()
    store(now)
    with driving():
        done = ended(run)
    assert done.output == {"text": "Dear Sir"}, done.error
