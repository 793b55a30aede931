"""Datasets: immutable versions that can be made again."""

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.files.storage import default_storage

from reviews.models import Decision
from reviews.models.quality import DatasetVersion
from reviews.quality.errors import DatasetChanged, DatasetEmpty
from reviews.quality.formats import cell_of
from reviews.quality.rows import COLUMNS, pseudonym_of
from reviews.quality.services.datasets import create_dataset, open_dataset, reproduce_digest
from tests.factories.cases import approve, make_decided_case, reject
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=1)


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, lea=Role.LEAD)


def export(now: datetime, **wanted: Any) -> DatasetVersion:
    return create_dataset(name="loans", wanted=wanted, acting=person("lea"), now=now + LATER)


def taken(version: DatasetVersion, form: str, now: datetime) -> bytes:
    with open_dataset(version=version, form=form, acting=person("lea"), now=now) as file:
        return file.read()


def rows(version: DatasetVersion, now: datetime) -> list[dict[str, Any]]:
    return [json.loads(line) for line in taken(version, "jsonl", now).splitlines()]


def test_a_row_has_what_was_suggested_shown_corrected_and_concluded(now: datetime) -> None:
    make_decided_case(
        "ada", reject(fields={"income": 2500}, why={"income": "misread"}, comment="too low"), now
    )
    [row] = rows(export(now), now)
    assert list(row) == sorted(COLUMNS)
    assert (row["suggestion"], row["outcome"], row["agreed"]) == ("approved", "rejected", False)
    assert row["fields"] == {"name": "B. Ahlers", "income": 2500}
    assert row["overrides"][0]["old"] == 3000
    assert row["reviewer"] == pseudonym_of("ada")
    assert row["receipt_sha256"] == Decision.objects.get().digest


def test_a_version_can_be_made_again_whatever_was_decided_since(now: datetime) -> None:
    make_decided_case("ada", approve(), now)
    version = export(now)
    make_decided_case("ada", reject(), now + LATER * 2)
    assert reproduce_digest(version) == version.digest
    assert (version.number, version.count) == (1, 1)
    following = export(now + LATER * 3)
    assert (following.number, following.count) == (2, 2)
    assert following.digest != version.digest


def test_chosen_fields_are_left_out_everywhere_and_reviewers_are_named_only_on_demand(
    now: datetime,
) -> None:
    make_decided_case("ada", approve(fields={"income": 2500}, why={"income": "misread"}), now)
    [row] = rows(export(now, leave_out=["income", "name"], named_reviewers=True), now)
    assert (row["fields"], row["overrides"], row["reviewer"]) == ({}, [], "ada")


def test_a_filter_narrows_and_an_empty_result_is_no_version(now: datetime) -> None:
    make_decided_case("ada", approve(), now)
    make_decided_case("ada", reject(fields={"income": 1}, why={"income": "misread"}), now)
    assert export(now, only_corrected=True).count == 1
    assert export(now, outcome="approved", since="2026-03-10", until="2026-03-10").count == 1
    with pytest.raises(DatasetEmpty):
        export(now, since="2026-03-11")


def test_csv_and_parquet_have_the_same_rows(now: datetime) -> None:
    make_decided_case("ada", approve(comment="=HYPERLINK(1)"), now, confidence=0.9)
    version = export(now)
    [row] = rows(version, now)
    [cells] = csv.DictReader(io.StringIO(taken(version, "csv", now).decode()))
    assert json.loads(cells["fields"]) == row["fields"]
    assert cells["comment"] == "'=HYPERLINK(1)"
    table = pq.read_table(io.BytesIO(taken(version, "parquet", now)))
    [found] = table.to_pylist()
    assert {**found, "fields": json.loads(found["fields"])}["fields"] == row["fields"]
    assert (found["decision"], found["confidence"], found["agreed"]) == (
        row["decision"], 0.9, True,
    )  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell_of(text, "text") == f"'{text}"


def test_a_stored_file_that_was_changed_is_not_given_out(now: datetime) -> None:
    make_decided_case("ada", approve(), now)
    version = export(now)
    with Path(default_storage.path(version.path)).open("ab") as stored:
        stored.write(b"{}\n")
    with pytest.raises(DatasetChanged):
        taken(version, "csv", now)
    default_storage.delete(version.path)
    with pytest.raises(DatasetChanged):
        taken(version, "jsonl", now)


def test_making_and_taking_a_dataset_is_in_the_ledger(now: datetime) -> None:
    make_decided_case("ada", approve(), now)
    taken(export(now), "csv", now)
    entries = Entry.objects.filter(subject_kind="dataset", subject_id="loans")
    assert list(entries.order_by("subject_seq").values_list("action", flat=True)) == [
        "dataset.created",
        "dataset.downloaded",
    ]


def test_a_dataset_has_the_places_of_the_fields_as_read_and_as_concluded(now: datetime) -> None:
    box = {"key": "income", "page": 2, "at": [0.1, 0.2, 0.3, 0.04], "text": "3,000",
           "confidence": 0.7}  # fmt: skip
    document = {"id": "slip", "title": "Payslip", "artifact": {"artifact": "sha256:" + "a" * 64},
                "boxes": [box, {**box, "key": "name", "text": "B. Ahlers"}],
                "words": [{"number": 2, "lines": [
                    {"at": [0.1, 0.2, 0.3, 0.04],
                     "words": [["Gross", 0.1, 0.1], ["3,000", 0.3, 0.1]]},
                    {"at": [0.1, 0.3, 0.3, 0.04],
                     "words": [["Net", 0.1, 0.1], ["2,500", 0.3, 0.1]]},
                ]}]}  # fmt: skip
    make_decided_case(
        "ada",
        reject(fields={"income": 2500}, why={"income": "misread"}, comment="too low"),
        now,
        documents=[document],
    )
    version = export(now, with_places=True, leave_out=["name"])
    [row] = rows(version, now)
    assert row["places"] == [
        {"field": "income", "document": "slip", "artifact": "a" * 64, "page": 2,
         "at": [0.1, 0.2, 0.3, 0.04], "read": "3,000", "confidence": 0.7, "value": 2500,
         "corrected": True,
         "corrected_place": {"page": 2, "at": [0.3, 0.3, 0.1, 0.04], "text": "2,500"}}
    ]  # fmt: skip
    assert reproduce_digest(version) == version.digest
    [line] = csv.DictReader(io.StringIO(taken(version, "csv", now).decode()))
    assert json.loads(line["places"]) == row["places"]
    assert pq.read_table(io.BytesIO(taken(version, "parquet", now))).column_names[-1] == "places"
    assert "places" not in rows(export(now), now)[0]
