"""``manage.py connection``: files in, files out, removal, and a try."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from flows.connections.models import Connection
from tests.factories.connections import make_connection
from tests.factories.probes import publish_flow
from tests.integration.connections.model_server import ModelServer
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
FILE = """\
name: risk
title: Credit risk
kind: http
address: http://{address}/predict
flows: [loan]
prices: {{call: 0.5}}
card:
  owner: Risk Analytics
"""


@pytest.fixture
def file(tmp_path: Path, model: ModelServer) -> Path:
    path = tmp_path / "risk.yaml"
    path.write_text(FILE.format(address=model.address))
    return path


def test_a_file_that_is_shown_sets_the_same_again(file: Path, capsys: Any, tmp_path: Path) -> None:
    call_command("connection", "set", str(file))
    assert "Saved the connection risk" in capsys.readouterr().out
    call_command("connection", "show", "risk")
    shown = tmp_path / "shown.yaml"
    shown.write_text(capsys.readouterr().out)
    call_command("connection", "set", str(shown))
    assert "Nothing changed" in capsys.readouterr().out
    row = Connection.objects.get()
    assert (row.revision, row.flows, float(row.price_call)) == (1, ["loan"], 0.5)
    assert Entry.objects.get().actor_name == "manage.py connection"


def test_a_file_over_a_newer_revision_sets_nothing(file: Path) -> None:
    call_command("connection", "set", str(file))
    file.write_text(file.read_text().replace("Credit risk", "Other"))
    with pytest.raises(CommandError, match="look at it first"):
        call_command("connection", "set", str(file), "--revision", "0" * 32)
    assert Connection.objects.get().title == "Credit risk"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: [", "line|YAML|expected"),
        ("title: x", "name is missing"),
        ("name: risk\ntitle: x", "kind"),
        ("name: risk\nkind: http\ntitle: x\naddress: http://m.example/\nextra: 1", "extra"),
        ("name: risk\nkind: http\ntitle: x\naddress: http://m.example/", "address.*not allowed"),
        ("name: risk\nkind: http\ntitle: x\naddress: x\nprices: {call: cheap}", "prices.call"),
    ],
)
def test_a_file_that_does_not_hold_sets_nothing(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(CommandError, match=says):
        call_command("connection", "set", str(path))
    assert not Connection.objects.exists()


def test_a_try_prints_what_a_step_would_record(model: ModelServer, capsys: Any) -> None:
    model.answer = {"score": 0.5}
    make_connection(address=model.url, price_call=1)
    call_command("connection", "try", "risk", "--input", '{"amount": 1}')
    said = json.loads(capsys.readouterr().out)
    assert (said["output"], said["recorded"]["cost"]) == ({"score": 0.5}, 1.0)
    model.status = 500
    with pytest.raises(CommandError, match="answered 500"):
        call_command("connection", "try", "risk")


def test_list_and_remove(capsys: Any) -> None:
    call_command("connection", "list")
    assert "There are no connections" in capsys.readouterr().out
    make_connection()
    call_command("connection", "list")
    assert capsys.readouterr().out.startswith("risk\thttp\ton\tEvery flow\t-\t")
    flow = publish_flow("ask -> b", ask={"type": "model.infer", "model": "risk", "input": {}})
    with pytest.raises(CommandError, match="released of kit"):
        call_command("connection", "remove", "risk")
    flow.released = None
    flow.save()
    call_command("connection", "remove", "risk")
    with pytest.raises(CommandError, match="There is no connection risk"):
        call_command("connection", "show", "risk")
