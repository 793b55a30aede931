"""DMN and CSV: what is read, and what is refused by its name."""

# ruff: noqa: E501 - XML, in the lines that other tools write.

from typing import Any

import pytest

from flows.tables.dmn import read_dmn, write_dmn
from flows.tables.errors import OutOfScope, TableRefused
from flows.tables.spreadsheet import read_csv, write_csv

Json = Any
NAMESPACE = "https://www.omg.org/spec/DMN/20191111/MODEL/"
RULE = """<rule><inputEntry><text>&gt;= 18</text></inputEntry>
  <outputEntry><text>"yes"</text></outputEntry>
  <annotationEntry><text>Grown up</text></annotationEntry></rule>"""
TABLE = f"""<decisionTable hitPolicy="COLLECT" aggregation="MAX">
  <input label="Age in years"><inputExpression typeRef="tns:tAge"><text>Age</text></inputExpression></input>
  <output><defaultOutputEntry><text>"no"</text></defaultOutputEntry></output>{RULE}</decisionTable>"""


def definitions(body: str, prefix: str = "") -> str:
    name = f"{prefix}definitions"
    declared = f'xmlns:{prefix.rstrip(":")}="{NAMESPACE}"' if prefix else f'xmlns="{NAMESPACE}"'
    return f"<{name} {declared} name='m'>{body}</{name}>"


def decision(name: str, body: str) -> str:
    return f'<decision name="{name}" id="_{name}"><variable name="{name}" typeRef="string"/>{body}</decision>'


def test_a_table_of_another_tool_is_read_with_its_types() -> None:
    item = """<itemDefinition name="tAge"><typeRef>feel:number</typeRef>
      <allowedValues><text>[0..150]</text></allowedValues></itemDefinition>"""
    name, content = read_dmn(definitions(item + decision("Adult", TABLE)))
    assert name == "Adult"
    assert content == {
        "description": "",
        "hit": "C",
        "aggregate": "max",
        "inputs": [{"name": "Age", "title": "Age in years", "type": "number", "values": "[0..150]"}],
        "outputs": [{"name": "Adult", "type": "string", "default": '"no"'}],
        "rows": [{"id": "r1", "when": [">= 18"], "then": ['"yes"'], "note": "Grown up"}],
    }  # fmt: skip


def test_what_dmn_has_no_word_for_is_kept_beside_it() -> None:
    content = {
        "description": "What for",
        "hit": "P",
        "inputs": [
            {"name": "share", "title": "Share", "type": "number", "expression": "loan / income"},
            {"name": "Approved/Declined", "type": "integer", "values": "[0..9]"},
            {"name": "since", "type": "years and months duration"},
            {"name": "what", "type": "any"},
        ],
        "given": ["Other thing"],
        "outputs": [{"name": "r", "title": "Result", "type": "string", "values": '"a", "b"',
                     "default": '"b"'}],
        "rows": [{"id": "row-7", "when": ["< 0.5", "-", '> duration("P1Y")', "Other thing"],
                  "then": ['"a"'], "note": "<why> & so"}],
    }  # fmt: skip
    assert read_dmn(write_dmn("share", "Share", content)) == ("Share", content)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (definitions(decision("d", "<literalExpression><text>1</text></literalExpression>")),
         "'d' is a literal expression"),
        (definitions(decision("d", "<context/>")), "is a context"),
        (definitions(decision("d", "<invocation/>")), "is an invocation"),
        (definitions(decision("d", "")), "is no logic"),
        (definitions(decision("d", '<decisionTable hitPolicy="BEST"/>')), "hit policy 'BEST'"),
    ],
)  # fmt: skip
def test_what_is_out_of_scope_is_refused_by_its_name(text: str, words: str) -> None:
    with pytest.raises(OutOfScope, match=words):
        read_dmn(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<definitions", "no XML"),
        ("<html/>", "holds html"),
        ("<definitions/>", "no decision"),
        ('<!DOCTYPE d [<!ENTITY a "aa">]><definitions>&a;</definitions>', "document type"),
        ('<!DOCTYPE d SYSTEM "file:///etc/passwd"><definitions/>', "document type"),
        ("x" * 5_000_000, "characters"),
    ],
)  # fmt: skip
def test_a_hostile_or_broken_file_is_refused(text: str, words: str) -> None:
    with pytest.raises(TableRefused, match=words) as refused:
        read_dmn(text)
    assert refused.value.remedy


def test_one_of_several_tables_is_named() -> None:
    both = definitions(decision("one", TABLE) + decision("two", TABLE), prefix="")
    with pytest.raises(TableRefused, match="several") as refused:
        read_dmn(both)
    assert "one, two" in refused.value.remedy
    assert read_dmn(both, "two")[0] == "two"


def test_a_csv_of_a_spreadsheet_is_read_with_what_the_table_says_of_its_columns() -> None:
    before = {"hit": "F", "inputs": [{"name": "n", "type": "number", "values": "[0..9]"}],
              "outputs": [{"name": "r", "type": "string"}], "rows": [], "tests": []}  # fmt: skip
    text = '\ufeffin:n:number;in:word:string;out:r:string;note\r\n< 5;"""a"", ""b""";"""x""";why\r\n;;"""y"""\r\n'
    found = read_csv(text, before)
    assert found["inputs"] == [before["inputs"][0], {"name": "word", "type": "string"}]
    assert found["rows"] == [
        {"id": "r1", "when": ["< 5", '"a", "b"'], "then": ['"x"'], "note": "why"},
        {"id": "r2", "when": ["-", "-"], "then": ['"y"']},
    ]
    assert read_csv(write_csv(found), found) == found


@pytest.mark.parametrize("text", ["", "a,b\n1,2", "in:n:nonsense\n", "in:n:number\n1,2,3"])
def test_a_csv_that_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(TableRefused) as refused:
        read_csv(text)
    assert refused.value.remedy
