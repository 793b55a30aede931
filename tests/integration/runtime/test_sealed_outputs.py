"""What a step of a document wrote, changed in the database or on the disk, is seen."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from flows.models import Artifact, Journal, Run
from flows.runtime.sealing import SEALED, compare_seals, find_seals, make_seal
from flows.services.reruns import rerun
from flows.services.sealed_check import check_outputs, list_changed_outputs
from tests.driving import driving, ended, start
from tests.factories.documents import read_lines
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from workbench.audit.models import Entry
from workbench.audit.services import verify

pytestmark = pytest.mark.django_db(transaction=True)
SLIP = read_lines(["Gross pay   2,345.50", "Tax   345.50", "Net pay   2,000.00"])
FIELDS = [
    {"key": "gross", "type": "amount", "anchors": ["Gross pay"]},
    {"key": "net", "type": "amount", "anchors": ["Net pay"]},
]
EXTRACT = {"type": "document.extract", "document": "${ input.document }", "fields": FIELDS}


def extract(**config: Any) -> Run:
    flow = publish_flow("fields -> after", fields={**EXTRACT, **config}, after={})
    with driving():
        return ended(start(flow, {"document": SLIP.model_dump(mode="json")}))


def row_of(run: Run) -> Journal:
    return Journal.objects.get(run_id=run.pk, step="fields", kind="step.finished")


def write(run: Run, column: str, value: Any) -> None:
    """Change a column of the step's row, as somebody with the database could."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE flows_journal SET {column} = %s"
            " WHERE run_id = %s AND step = 'fields' AND kind = 'step.finished'",
            [value, run.pk],
        )


def change_net(run: Run) -> None:
    data = row_of(run).data
    data["values"]["net"] = 9_000.0
    write(run, "data", json.dumps(data))


def faults() -> list[tuple[str, str]]:
    return [(each.code, each.detail) for each in check_outputs()]


def test_the_output_of_a_document_step_is_sealed_with_the_row_that_has_it() -> None:
    run = extract()
    row = row_of(run)
    [entry] = Entry.objects.filter(action=SEALED)
    assert (entry.subject_kind, entry.subject_id) == ("run", str(run.pk))
    [(place, seal)] = find_seals([run.pk]).items()
    assert place == (run.pk, "fields", row.token_id, row.activation)
    assert seal["sha256"] == make_seal(row.data, "done")["sha256"]
    assert {"values.net", "values.gross", "fields", "its port"} <= seal["parts"].keys()
    assert faults() == []


def test_other_steps_have_no_entry() -> None:
    flow = publish_flow("a -> b", a={"give": {"x": 1}}, b={})
    with driving():
        ended(start(flow))
    assert not Entry.objects.filter(action=SEALED).exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (change_net, "values.net"),
        (lambda run: write(run, "port", "unsure"), "its port"),
        (lambda run: write(run, "data", json.dumps({"values": {}})), "confidence, "),
        (lambda run: write(run, "data", "null"), "confidence, "),
    ],
)
def test_an_output_changed_in_the_journal_names_its_field(
    change: Callable[[Run], None], named: str
) -> None:
    run = extract()
    change(run)
    [(code, told)] = faults()
    assert code == "record-changed"
    assert told.startswith(f"The output of step fields of run {run.pk} has another {named}")
    assert ("record-changed", told) in [(each.code, each.detail) for each in verify().faults]
    [parts] = list_changed_outputs(run.pk, {}).values()
    assert ", ".join(parts).startswith(named.removesuffix(", "))


def test_a_row_that_is_gone_or_added_is_seen() -> None:
    run = extract()
    row = row_of(run)
    added = Journal.objects.get(pk=row.pk)
    added.pk = (run.pk, 90)
    added.activation = 9
    added.save(force_insert=True)
    assert faults() == [
        ("record-unknown", f"No entry tells of an output of step fields of run {run.pk}.")
    ]
    assert list_changed_outputs(run.pk, {}) == {"fields": ["added"]}
    Journal.objects.filter(run_id=run.pk, step="fields").delete()
    assert faults() == [("record-missing", f"The output of step fields of run {run.pk} is gone.")]
    assert list_changed_outputs(run.pk, {}) == {"fields": ["gone"]}


def test_a_large_output_changed_on_the_disk_names_its_step(settings: Any) -> None:
    settings.INLINE_PAYLOAD_BYTES = 200
    run = extract()
    artifact = Artifact.objects.get(digest=row_of(run).data["$artifact"])
    assert faults() == []
    with default_storage.open(artifact.path, "rb") as file:
        content = file.read()
    with default_storage.open(artifact.path, "wb") as file:
        file.write(content.replace(b'"net":2000.0', b'"net":9000.0', 1))
    assert list_changed_outputs(run.pk, {}) == {"fields": ["output"]}
    with default_storage.open(artifact.path, "wb") as file:
        file.write(content[:50])
    assert list_changed_outputs(run.pk, {}) == {"fields": ["output"]}
    default_storage.delete(artifact.path)
    assert list_changed_outputs(run.pk, {}) == {"fields": ["output"]}


def test_what_was_changed_is_seen_in_the_run_that_repeats_it_too(now: Any) -> None:
    first = extract()
    again = rerun(run_id=first.pk, step="after", actor=ACTOR, now=now).run
    assert list_changed_outputs(again.pk, {}) == {}
    change_net(first)
    again = rerun(run_id=first.pk, step="after", actor=ACTOR, now=now).run
    assert list_changed_outputs(again.pk, {}) == {"fields": ["values.net"]}


def test_a_kept_result_that_was_changed_is_not_taken_again() -> None:
    first = extract(cache={"ttl_seconds": 3600})
    change_net(first)
    with driving():
        given = {"document": SLIP.model_dump(mode="json")}
        second = ended(start(first.flow, given))
    assert row_of(second).data["values"]["net"] == 2_000.0
    assert list_changed_outputs(second.pk, {}) == {}
    with driving():
        third = ended(start(first.flow, given))
    assert "reused_from" in (row_of(third).provenance or {})
    assert list_changed_outputs(third.pk, {}) == {}


def test_numbers_as_either_database_gives_them_back_have_one_seal() -> None:
    given = {"a": 1e300, "b": 2.0, "c": 1e16, "d": -0.0, "e": 1e-7, "f": 2**70, "g": True}
    back = {"a": 10**300, "b": 2, "c": 10**16, "d": 0, "e": 0.0000001, "f": 2**70, "g": True}
    assert compare_seals(make_seal(given, "done"), make_seal(back, "done")) == []
    back["f"] += 1
    assert compare_seals(make_seal(given, "done"), make_seal(back, "done")) == ["f"]
