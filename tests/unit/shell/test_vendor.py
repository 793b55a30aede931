"""The vendored files are those of the lock, and the check finds one that is not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import vendor

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_files_are_those_of_the_lock() -> None:
    command = [sys.executable, "deploy/vendor.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_changed_missing_or_foreign_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "VENDOR", tmp_path)
    (tmp_path / "kept.js").write_text("1")
    (tmp_path / "changed.js").write_text("2")
    (tmp_path / "foreign.js").write_text("3")
    digest = vendor.sri(b"1")
    lock = {"files": {"kept.js": digest, "changed.js": digest, "gone.js": digest}}
    assert vendor.check(lock) == [
        "missing: gone.js",
        "not in the lock: foreign.js",
        "changed: changed.js",
    ]


def test_the_lock_names_no_host() -> None:
    text = (ROOT / "deploy" / "vendor.lock.json").read_text()
    assert "://" not in text
    for package in json.loads(text)["packages"]:
        assert package["integrity"].startswith("sha512-")
