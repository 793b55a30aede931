"""The command line, and the bundle's verifier as an examiner runs it: `python -I`."""

import io
import json
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from tests.emptying import guards_lifted
from workbench.accounts.actors import Actor
from workbench.audit.actions import register_action
from workbench.audit.export import export_bundle
from workbench.audit.models import Entry
from workbench.audit.selectors import EntryFilter
from workbench.audit.services import erase_payload, record, seal

register_action("test.done", "Did {what}")
ACTOR = Actor.system("test")


@pytest.fixture
def ledger(db: None, now: datetime) -> list[Entry]:
    entries = []
    for i in range(9):
        with transaction.atomic():
            subject = ("run", str(i % 2))
            payload = {"what": f"Prüfung {i}", "n": i / 3}
            entries.append(
                record(action="test.done", subject=subject, actor=ACTOR, payload=payload, now=now)
            )
        if i in {2, 7}:
            seal(now)
    erase_payload(entry=entries[4], reason="asked", actor=ACTOR, now=now)
    return entries


def unpack(folder: Path, wanted: EntryFilter, now: datetime) -> Path:
    buffer = io.BytesIO()
    export_bundle(buffer, wanted, actor=ACTOR, now=now)
    with zipfile.ZipFile(buffer) as bundle:
        bundle.extractall(folder)
    return folder


def run_verifier(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(folder / "verify.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_an_examiner_verifies_the_bundle_offline(
    ledger: list[Entry], tmp_path: Path, now: datetime
) -> None:
    done = run_verifier(unpack(tmp_path, EntryFilter(), now))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 entries, 8 of them sealed in 2 blocks: good" in done.stdout


def test_a_filtered_bundle_proves_its_entries(
    ledger: list[Entry], tmp_path: Path, now: datetime
) -> None:
    folder = unpack(tmp_path, EntryFilter(subject_kind="run", subject_id="1"), now)
    key = json.loads((folder / "manifest.json").read_text())["keys"][0]
    done = run_verifier(folder, "--key", key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 entries" in done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("entries.jsonl", '\\"name\\":\\"test\\"', '\\"name\\":\\"else\\"', "not what was hashed"),
        ("entries.jsonl", "Prüfung 3", "Prüfung 8", "payload is not what was committed to"),
        ("blocks.jsonl", '\\"size\\":3', '\\"size\\":4', "signature does not hold"),
    ],
)
def test_a_changed_bundle_is_found(
    ledger: list[Entry], tmp_path: Path, now: datetime, file: str, old: str, new: str, told: str
) -> None:
    folder = unpack(tmp_path, EntryFilter(), now)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    done = run_verifier(folder)
    assert done.returncode == 1
    assert told in done.stdout


def test_an_entry_left_out_is_found(ledger: list[Entry], tmp_path: Path, now: datetime) -> None:
    folder = unpack(tmp_path, EntryFilter(), now)
    lines = (folder / "entries.jsonl").read_text().splitlines(keepends=True)
    (folder / "entries.jsonl").write_text("".join(lines[:-1]))
    done = run_verifier(folder)
    assert done.returncode == 1
    assert "the manifest says 10, the bundle holds 9" in done.stdout


def test_another_key_than_the_one_expected_is_found(
    ledger: list[Entry], tmp_path: Path, now: datetime
) -> None:
    done = run_verifier(unpack(tmp_path, EntryFilter(), now), "--key", "ab" * 32)
    assert done.returncode == 1
    assert "not with the one expected" in done.stdout


def test_a_bundle_that_cannot_be_read_says_so(tmp_path: Path, now: datetime, db: None) -> None:
    folder = unpack(tmp_path, EntryFilter(), now)
    (folder / "entries.jsonl").write_text("not json\n")
    assert run_verifier(folder).returncode == 2


def test_the_export_command_writes_and_records_a_bundle(
    ledger: list[Entry], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bundle.zip"
    call_command("audit", "export", "--out", str(out), "--action", "test", "--since", "2026-01-01")
    assert "9 entries, 2 blocks" in capsys.readouterr().out
    assert zipfile.is_zipfile(out)
    assert Entry.objects.filter(action="ledger.exported", channel="command").count() == 1


def test_the_verify_command_finds_a_changed_row(
    ledger: list[Entry], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("audit", "verify")
    assert "10 entries, 2 blocks, 2 unsealed: good" in capsys.readouterr().out
    connection.check_constraints()
    with guards_lifted(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_entry SET actor_name = 'x' WHERE id = %s", [ledger[3].pk])
    with pytest.raises(SystemExit) as stopped:
        call_command("audit", "verify", "--json")
    assert stopped.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert found["first_bad"]["entry"] == ledger[3].pk
    assert found["first_bad"]["code"] == "entry-changed"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-02-30", "is not a date"),
        ("0001-01-01", "Use a year from 1000 to 9000"),
        ("9999-12-31T23:59:59-14:00", "Use a year from 1000 to 9000"),
        ("yesterday", "is not a date"),
    ],
)
def test_the_command_reads_times_as_they_are_everywhere(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("audit", "export", "--out", str(tmp_path / "x.zip"), "--since", text)
