"""Files in the form of DMN's compatibility kit, and what the runner says of them."""

# ruff: noqa: E501 - XML, in the lines that other tools write.

from pathlib import Path

import pytest

from tools.dmn_tck import main, report, run

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<s:definitions xmlns:s="http://www.omg.org/spec/DMN/20180521/MODEL/" xmlns:f="urn:feel" name="m">
  <s:itemDefinition name="tPart"><s:itemComponent name="price"><s:typeRef>f:number</s:typeRef></s:itemComponent></s:itemDefinition>
  <s:inputData name="Part"><s:variable name="Part" typeRef="tPart"/></s:inputData>
  <s:inputData name="The day" id="_today"><s:variable name="The day" typeRef="f:date"/></s:inputData>
  <s:inputData name="Bought on" id="_bought"><s:variable name="Bought on" typeRef="f:date"/></s:inputData>
  <s:decision name="Band" id="_band">
    <s:variable name="Band" typeRef="f:string"/>
    <s:decisionTable hitPolicy="PRIORITY">
      <s:input><s:inputExpression typeRef="f:number"><s:text>Part.price</s:text></s:inputExpression></s:input>
      <s:output><s:outputValues><s:text>"dear", "cheap"</s:text></s:outputValues></s:output>
      <s:rule><s:inputEntry><s:text>-</s:text></s:inputEntry><s:outputEntry><s:text>"cheap"</s:text></s:outputEntry></s:rule>
      <s:rule><s:inputEntry><s:text>&gt; 10</s:text></s:inputEntry><s:outputEntry><s:text>"dear"</s:text></s:outputEntry></s:rule>
    </s:decisionTable>
  </s:decision>
  <s:decision name="Since" id="_since"><s:variable name="Since" typeRef="f:boolean"/>
    <s:informationRequirement><s:requiredInput href="#_bought"/></s:informationRequirement>
    <s:informationRequirement><s:requiredInput href="#_today"/></s:informationRequirement>
    <s:decisionTable>
      <s:input><s:inputExpression typeRef="f:date"><s:text>Bought on</s:text></s:inputExpression></s:input>
      <s:output/>
      <s:rule><s:inputEntry><s:text>&lt; The day</s:text></s:inputEntry><s:outputEntry><s:text>true</s:text></s:outputEntry></s:rule>
    </s:decisionTable>
  </s:decision>
  <s:decision name="Cover" id="_cover">
    <s:variable name="Cover"/>
    <s:informationRequirement><s:requiredDecision href="#_band"/></s:informationRequirement>
    <s:decisionTable hitPolicy="UNIQUE">
      <s:input><s:inputExpression typeRef="f:string"><s:text>Band</s:text></s:inputExpression></s:input>
      <s:input><s:inputExpression typeRef="f:date"><s:text>Bought on</s:text></s:inputExpression></s:input>
      <s:output name="Kept/Sold" typeRef="f:string"/><s:output name="days" typeRef="f:number"/>
      <s:rule><s:inputEntry><s:text>"dear"</s:text></s:inputEntry>
        <s:inputEntry><s:text>&lt; date("2026-01-01")</s:text></s:inputEntry>
        <s:outputEntry><s:text>"Kept"</s:text></s:outputEntry><s:outputEntry><s:text>10 * 3</s:text></s:outputEntry></s:rule>
    </s:decisionTable>
  </s:decision>
  <s:decision name="Days left"><s:variable name="Days left" typeRef="f:number"/>
    <s:informationRequirement><s:requiredDecision href="#_band"/></s:informationRequirement>
    <s:literalExpression><s:text>if Band = "dear" then 30 - 1 else 0</s:text></s:literalExpression>
  </s:decision>
  <s:decision name="Total"><s:literalExpression><s:text>1 + 1</s:text></s:literalExpression></s:decision>
</s:definitions>"""
CASES = """<?xml version="1.0" encoding="UTF-8"?>
<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <modelName>part.dmn</modelName>
  <testCase id="001">
    <inputNode name="Part"><component name="price"><value xsi:type="xsd:decimal">20</value></component></inputNode>
    <inputNode name="Bought on"><value>2025-06-01</value></inputNode>
    <inputNode name="The day"><value>2025-06-02</value></inputNode>
    <resultNode name="Since" type="decision"><expected><value>true</value></expected></resultNode>
    <resultNode name="Band" type="decision"><expected><value>dear</value></expected></resultNode>
    <resultNode name="Cover" type="decision"><expected>
      <component name="Kept/Sold"><value xsi:type="xsd:string">Kept</value></component>
      <component name="days"><value xsi:type="xsd:decimal">30.0</value></component>
    </expected></resultNode>
    <resultNode name="Days left" type="decision"><expected><value>29</value></expected></resultNode>
    <resultNode name="Total" type="decision"><expected><value>2</value></expected></resultNode>
  </testCase>
  <testCase id="002">
    <inputNode name="Part"><component name="price"><value xsi:type="xsd:decimal">5</value></component></inputNode>
    <inputNode name="Bought on"><value xsi:type="xsd:date">2025-06-01</value></inputNode>
    <resultNode name="Cover" type="decision"><expected><value xsi:nil="true"/></expected></resultNode>
    <resultNode name="Band" type="decision"><expected><value xsi:type="xsd:string">{band}</value></expected></resultNode>
  </testCase>
</testCases>"""


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "part.dmn").write_text(MODEL)
    (tmp_path / "part" / "part-test-01.xml").write_text(CASES.format(band="cheap"))
    (tmp_path / "other.xml").write_text("<html/>")
    return tmp_path


def test_tables_are_decided_and_the_rest_is_out_of_scope_with_its_reason(kit: Path) -> None:
    found = [(each.case, each.decision, each.state) for each in run(kit)]
    assert found == [
        ("001", "Since", "passed"),
        ("001", "Band", "passed"),
        ("001", "Cover", "passed"),
        ("001", "Days left", "passed"),
        ("001", "Total", "out of scope"),
        ("002", "Cover", "passed"),
        ("002", "Band", "passed"),
    ]
    assert "a literal expression" in report(run(kit))
    assert main([str(kit)]) == 0


def test_a_result_that_the_kit_does_not_expect_fails(kit: Path) -> None:
    (kit / "part" / "part-test-01.xml").write_text(CASES.format(band="dear"))
    failed = [each for each in run(kit) if each.state == "failed"]
    assert [(each.case, each.why) for each in failed] == [("002", "expected 'dear', got 'cheap'")]
    assert main([str(kit)]) == 1


def test_a_model_that_is_not_there_or_not_read_is_out_of_scope(kit: Path) -> None:
    (kit / "part" / "part.dmn").write_text("<!DOCTYPE d []><definitions/>")
    assert {each.state for each in run(kit)} == {"out of scope"}
    assert "document type" in report(run(kit))
    assert main([]) == 2
