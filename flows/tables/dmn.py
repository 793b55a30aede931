"""Decision tables of DMN files: read and written as the content that ``model`` describes.

Read: DMN 1.1 to 1.5, by the names of elements alone. Written: DMN 1.3. Entities and document types
are refused by the reader of XML. What a file holds beside a decision table is refused by its name.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import (  # only what is made here; files are read by defusedxml
    Element,
    SubElement,
    indent,
    register_namespace,
    tostring,
)

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from flows.tables.compiled import find_variables
from flows.tables.elements import find_child, get_tag, list_children, read_text
from flows.tables.errors import OutOfScope, TableRefused
from flows.tables.model import MOST_COLUMNS, MOST_ROWS, Column, Table, read_table
from flows.tables.values import TYPES

Json = Any
Content = dict[str, Json]
LARGEST = 4_000_000  # characters of a file
NAMESPACE = "https://www.omg.org/spec/DMN/20191111/MODEL/"
# DMN gives inputs no name beside their expression and label: ours keep it in an attribute.
OURS = "urn:countersign:table"
HITS = {
    "UNIQUE": "U", "ANY": "A", "PRIORITY": "P", "FIRST": "F", "RULE ORDER": "R",
    "OUTPUT ORDER": "O", "COLLECT": "C",
}  # fmt: skip
_NAMES_OF_TYPES = {
    "datetime": "date and time", "dateandtime": "date and time",
    "daytimeduration": "days and time duration", "daysandtimeduration": "days and time duration",
    "yearmonthduration": "years and months duration",
    "yearsandmonthsduration": "years and months duration",
    "long": "number", "double": "number", "int": "number", **{each: each for each in TYPES},
}  # fmt: skip
_TO_DMN = {
    "date and time": "dateTime", "days and time duration": "dayTimeDuration",
    "years and months duration": "yearMonthDuration", "any": "Any",
}  # fmt: skip
_ID = re.compile(r"[A-Za-z_][\w.-]{0,63}")
_PLAIN = re.compile(r"[^\W\d][\w ]*")
_OTHER_LOGIC = {
    "literalExpression": "a literal expression", "context": "a context", "list": "a list",
    "invocation": "an invocation", "relation": "a relation", "functionDefinition": "a function",
    "conditional": "a conditional", "for": "a loop", "filter": "a filter", "some": "a quantifier",
    "every": "a quantifier",
}  # fmt: skip


# --- Reading ------------------------------------------------------------------------------------


def parse_dmn(text: str | bytes) -> Element:
    """Return the root of a DMN file. Raises: TableRefused."""
    if len(text) > LARGEST:
        raise TableRefused(f"The file has more than {LARGEST:,} characters.", "Split it.")
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except ParseError as error:
        raise TableRefused(
            f"The file is no XML: {error}.", "Export it from its tool anew."
        ) from None
    except DefusedXmlException:
        raise TableRefused(
            "The file declares a document type or an entity, which are not read.",
            "Remove its DOCTYPE.",
        ) from None
    if get_tag(root) != "definitions":
        raise TableRefused(
            f"The file holds {get_tag(root)}, no definitions of DMN.", "Choose another."
        )
    return root


def list_decisions(root: Element) -> list[Element]:
    return list(list_children(root, "decision"))


def read_dmn(text: str | bytes, decision: str = "") -> tuple[str, Content]:
    """Return the name and the content of a file's decision table.

    ``decision`` names one of several. Raises: TableRefused, OutOfScope.
    """
    root = parse_dmn(text)
    decisions = list_decisions(root)
    tables = [each for each in decisions if find_child(each, "decisionTable") is not None]
    if decision:
        named = [each for each in decisions if decision in (each.get("name"), each.get("id"))]
        if not named:
            raise TableRefused(f"There is no decision {decision!r}.", _list_names(decisions))
        return _name(named[0]), _read(root, named[0])
    if len(tables) > 1:
        raise TableRefused("The file has several decision tables.", _list_names(tables))
    if not tables:
        if decisions:
            _read(root, decisions[0])
        raise TableRefused("The file has no decision.", "Choose a file with a decision table.")
    return _name(tables[0]), _read(root, tables[0])


def _read(root: Element, decision: Element) -> Content:
    return read_decision(decision, Types(root))


def _list_names(decisions: list[Element]) -> str:
    names = ", ".join(_name(each) for each in decisions[:10])
    return f"Name one of {names}." if names else "The file has none."


def read_decision(decision: Element, types: "Types") -> Content:
    """Return the content of a decision's table. Raises: OutOfScope, TableRefused."""
    table = find_child(decision, "decisionTable")
    if table is None:
        named = [_OTHER_LOGIC[tag] for tag in map(get_tag, decision) if tag in _OTHER_LOGIC]
        what = named[0] if named else "no logic"
        raise OutOfScope(
            f"The decision {_name(decision)!r} is {what}.", "Only decision tables are read."
        )
    return _TableReader(decision, table, types).read()


class Types:
    """The types that a file defines, by name, and the names of what it has ids for."""

    def __init__(self, root: Element) -> None:
        self._items = {each.get("name", ""): each for each in list_children(root, "itemDefinition")}
        self._names = {
            each.get("id", ""): each.get("name", "")
            for tag in ("inputData", "decision") for each in list_children(root, tag)
        }  # fmt: skip

    def find_name(self, href: str) -> str:
        """Return the name of the input or decision that a requirement refers to."""
        return self._names.get(href.rpartition("#")[2], "")

    def resolve(self, name: str, depth: int = 0) -> str:
        """Return the column's type that a type stands for; ``any`` for lists and structures."""
        bare = name.rpartition(":")[2]
        item = self._items.get(bare)
        if item is None:
            key = re.sub(r"[\s_]|duration$", "", bare.lower())
            return _NAMES_OF_TYPES.get(bare.lower()) or _NAMES_OF_TYPES.get(
                key + ("duration" if bare.lower().endswith("duration") else ""), "any"
            )
        base = read_text(find_child(item, "typeRef"))
        if item.get("isCollection") == "true" or not base or depth > 10:  # noqa: PLR2004
            return "any"
        return "integer" if bare == "integer" else self.resolve(base, depth + 1)

    def find_allowed(self, name: str) -> str:
        """Return the values that a type allows, as a cell asks for them."""
        item = self._items.get(name.rpartition(":")[2])
        return "" if item is None else _text_of(find_child(item, "allowedValues"))

    def find(self, name: str) -> Element | None:
        return self._items.get(name.rpartition(":")[2])


class _TableReader:
    def __init__(self, decision: Element, table: Element, types: Types) -> None:
        self.decision, self.table, self.types = decision, table, types

    def read(self) -> Content:
        hit = self.table.get("hitPolicy") or "UNIQUE"
        if hit not in HITS:
            raise OutOfScope(f"The hit policy {hit!r} is unknown.", f"Use {', '.join(HITS)}.")
        aggregate = (self.table.get("aggregation") or "").lower()
        inputs = [
            self._read_input(*each) for each in enumerate(list_children(self.table, "input"), 1)
        ]
        outputs = [
            self._read_output(*each) for each in enumerate(list_children(self.table, "output"), 1)
        ]
        rules = list(list_children(self.table, "rule"))
        rows = list(self._read_rules(rules))
        if len(rules) > MOST_ROWS or max(len(inputs), len(outputs)) > MOST_COLUMNS:
            raise TableRefused("The table is too large.", f"At most {MOST_ROWS:,} rows are read.")
        return {
            "description": read_text(find_child(self.decision, "description")),
            "hit": HITS[hit],
            **({"aggregate": aggregate} if aggregate and HITS[hit] == "C" else {}),
            "inputs": inputs,
            **self._find_given(inputs, rows),
            "outputs": outputs,
            "rows": rows,
        }

    def _find_given(self, inputs: list[Content], rows: list[Content]) -> Content:
        """Return what the decision requires, and only cells read: no column asks about it."""
        known = find_variables(read_table({"inputs": inputs}))
        cells = {cell for row in rows for cell in (*row["when"], *row["then"])}
        required = [self.types.find_name(each) for each in _list_required(self.decision)]
        given = [
            name for name in dict.fromkeys(required)
            if name and name not in known and any(name in cell for cell in cells)
        ]  # fmt: skip
        return {"given": given} if given else {}

    def _read_input(self, number: int, column: Element) -> Content:
        expression = find_child(column, "inputExpression")
        text = " ".join(_text_of(expression).split())
        type_ = expression.get("typeRef", "") if expression is not None else ""
        label = column.get("label", "")
        given = column.get(f"{{{OURS}}}name", "")
        is_name = given == text or (not given and _PLAIN.fullmatch(text) is not None)
        name = given or (text if is_name else (label if label != text else "") or f"input {number}")
        if not text:
            raise OutOfScope(f"Input {number} has no expression.", "Write what it asks about.")
        allowed = _text_of(find_child(column, "inputValues")) or self.types.find_allowed(type_)
        return {
            "name": name,
            **({"title": label} if label and label != name else {}),
            "type": self.types.resolve(type_),
            **({} if is_name else {"expression": text}),
            **({"values": allowed} if allowed else {}),
        }

    def _read_output(self, number: int, column: Element) -> Content:
        name = column.get("name") or column.get("label") or self._name_result(number)
        type_ = column.get("typeRef", "") or self._find_type(column.get("name", ""))
        allowed = _text_of(find_child(column, "outputValues")) or self.types.find_allowed(type_)
        default, label = _text_of(find_child(column, "defaultOutputEntry")), column.get("label", "")
        return {
            "name": name,
            **({"title": label} if label and label != name else {}),
            "type": self.types.resolve(type_),
            **({"values": allowed} if allowed else {}),
            **({"default": default} if default else {}),
        }

    def _name_result(self, number: int) -> str:
        return _name(self.decision) if number == 1 else f"output {number}"

    def _find_type(self, output: str) -> str:
        """Return the type of an output that names none: the decision's, or its component's."""
        variable = find_child(self.decision, "variable")
        type_ = variable.get("typeRef", "") if variable is not None else ""
        if not output:
            return type_
        item = self.types.find(type_)
        parts = [] if item is None else list(list_children(item, "itemComponent"))
        return next((read_text(find_child(each, "typeRef")) for each in parts
                     if each.get("name") == output), "")  # fmt: skip

    def _read_rules(self, rules: list[Element]) -> Iterator[Content]:
        seen = set[str]()
        for number, rule in enumerate(rules, 1):
            given = rule.get("id", "")
            id_ = given if _ID.fullmatch(given) and given not in seen else f"r{number}"
            seen.add(id_)
            notes = [
                _text_of(each) or read_text(each) for each in list_children(rule, "annotationEntry")
            ]
            note = " · ".join(each for each in notes if each) or read_text(
                find_child(rule, "description")
            )
            yield {
                "id": id_,
                "when": [_text_of(each) or "-" for each in list_children(rule, "inputEntry")],
                "then": [_text_of(each) for each in list_children(rule, "outputEntry")],
                **({"note": note} if note else {}),
            }


def _list_required(decision: Element) -> Iterator[str]:
    for requirement in list_children(decision, "informationRequirement"):
        for each in requirement:
            yield each.get("href", "")


def _text_of(element: Element | None) -> str:
    """Return the text of an element's ``text``."""
    return read_text(find_child(element, "text"))


def _name(element: Element) -> str:
    return element.get("name") or element.get("id") or "decision"


# --- Writing ------------------------------------------------------------------------------------


def write_dmn(name: str, title: str, content: Mapping[str, Json]) -> str:
    """Return the text of a DMN 1.3 file with the table. Its tests are not part of DMN."""
    table = read_table(content)
    register_namespace("countersign", OURS)
    root = Element("definitions", {
        "xmlns": NAMESPACE, "id": f"d-{name}", "name": title or name,
        "namespace": f"urn:countersign:table:{name}",
    })  # fmt: skip
    if any(each.kind == "integer" for each in (*table.inputs, *table.outputs)):
        item = SubElement(root, "itemDefinition", {"name": "integer"})
        SubElement(item, "typeRef").text = "number"
    decision = SubElement(root, "decision", {"id": f"t-{name}", "name": title or name})
    if content.get("description"):
        SubElement(decision, "description").text = content["description"]
    SubElement(decision, "variable", {"name": title or name})
    names = [*(each.name for each in table.inputs if not each.expression), *table.given]
    for at in range(len(names)):
        requirement = SubElement(decision, "informationRequirement")
        SubElement(requirement, "requiredInput", {"href": f"#i-{at + 1}"})
    _write_table(decision, table)
    for at, each in enumerate(names, 1):
        given = SubElement(root, "inputData", {"id": f"i-{at}", "name": each})
        SubElement(given, "variable", {"name": each})
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _write_table(decision: Element, table: Table) -> None:
    policies = {short: long for long, short in HITS.items()}
    element = SubElement(decision, "decisionTable", {"hitPolicy": policies[table.hit]})
    if table.aggregate:
        element.set("aggregation", table.aggregate.upper())
    for each in table.inputs:
        _write_input(element, each)
    for each in table.outputs:
        _write_output(element, each)
    SubElement(element, "annotation", {"name": "Note"})
    for row in table.rows:
        rule = SubElement(element, "rule", {"id": row.id})
        for cell in row.when:
            _write_text(rule, "inputEntry", cell)
        for cell in row.then:
            _write_text(rule, "outputEntry", cell)
        _write_text(rule, "annotationEntry", row.note)


def _write_input(table: Element, each: Column) -> None:
    column = SubElement(table, "input")
    if each.title:
        column.set("label", each.title)
    if each.expression or not _PLAIN.fullmatch(each.name):
        column.set(f"{{{OURS}}}name", each.name)
    type_ = {"typeRef": _TO_DMN.get(each.kind, each.kind)}
    _write_text(column, "inputExpression", each.expression or each.name, type_)
    if each.values:
        _write_text(column, "inputValues", each.values)


def _write_output(table: Element, each: Column) -> None:
    type_ = _TO_DMN.get(each.kind, each.kind)
    column = SubElement(table, "output", {"name": each.name, "typeRef": type_})
    if each.title:
        column.set("label", each.title)
    if each.values:
        _write_text(column, "outputValues", each.values)
    if each.default:
        _write_text(column, "defaultOutputEntry", each.default)


def _write_text(
    parent: Element, tag: str, text: str, attributes: Mapping[str, str] | None = None
) -> None:
    SubElement(SubElement(parent, tag, dict(attributes or {})), "text").text = text
