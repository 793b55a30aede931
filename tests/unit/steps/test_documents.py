"""`document.extract`, `document.classify` and `document.split`: ports, outputs, what is asked."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from flows.documents.model import ReadDocument
from flows.graph.codec import parse
from flows.graph.validation import validate
from flows.steps import language
from flows.steps.base import Result, StepFailure
from flows.steps.catalogue import catalogue
from flows.steps.document_classify import DocumentClassify
from flows.steps.document_extract import DocumentExtract
from flows.steps.document_split import DocumentSplit
from flows.steps.language import ChatAnswer, ChatRequest, TokenChance
from flows.steps.models import Provenance
from reviews.rules.checkpoint_config import CheckpointConfig
from tests.factories.documents import ARTIFACT, read_lines
from tests.unit.steps.contexts import context

SLIP = read_lines(
    [
        "Payslip",
        "Employee        Anna Berg",
        "Gross pay       2,345.50",
        "Tax             345.50",
        "Net pay         2,000.00",
        "IBAN            DE89 3704 0044 0532 0130 00",
    ]
)
AMOUNTS = [
    {"key": "gross", "anchors": ["Gross pay"], "type": "amount", "required": True},
    {"key": "tax", "anchors": ["Tax"], "type": "amount"},
    {"key": "net", "anchors": ["Net pay"], "type": "amount", "unit": "EUR"},
]
SUM = {"kind": "sum", "fields": ["net", "tax"], "total": "gross"}


class Model:
    """A provider of one model, which answers what it is told to and keeps what it was asked."""

    name = "fake"

    def __init__(self, answer: Mapping[str, Any], probability: float | None) -> None:
        self.text = json.dumps(answer)
        self.probability = probability
        self.asked: list[ChatRequest] = []

    def language_models(self) -> Mapping[str, str]:
        return {"reader": "1"}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        self.asked.append(request)
        tokens = (TokenChance(self.text, self.probability),) if self.probability else ()
        return ChatAnswer(
            self.text, (), "stop", Provenance("fake", "reader", "1", cost=0.5), tokens
        )


def answer(monkeypatch: pytest.MonkeyPatch, probability: float | None = 0.97, **said: Any) -> Model:
    model = Model(said, probability)
    monkeypatch.setattr(language, "_PROVIDERS", {model.name: model})
    monkeypatch.setattr(language, "_LAST", {})
    return model


def extract(document: ReadDocument = SLIP, **config: Any) -> Result:
    given = {"document": document.model_dump(mode="json"), **config}
    found = DocumentExtract().run(context(), DocumentExtract.Config.model_validate(given))
    assert isinstance(found, Result)
    return found


# --- Extract ----------------------------------------------------------------------------------


def test_sure_fields_that_pass_their_checks_leave_by_done() -> None:
    found = extract(fields=AMOUNTS, checks=[SUM])
    assert found.port == "done"
    assert found.output["values"] == {"gross": 2345.5, "tax": 345.5, "net": 2000.0}
    assert found.output["sure"] == {"gross": 1.0, "tax": 1.0, "net": 1.0}
    assert (found.output["confidence"], found.output["flags"]) == (1.0, [])


@pytest.mark.parametrize(
    ("document", "config", "label"),
    [
        (SLIP, {"fields": [{"key": "x", "anchors": ["Bonus"], "required": True}]}, "No X"),
        (read_lines(["Gross pay  9.00", "Tax  1.00", "Net pay  7.00"]),
         {"fields": AMOUNTS, "checks": [SUM]}, "The sum is wrong"),
        (read_lines(["Gross pay  9.00"], confidence=0.8), {"fields": AMOUNTS}, None),
        (read_lines([]), {"fields": [{"key": "x", "anchors": ["Bonus"]}]}, None),
    ],
)  # fmt: skip
def test_what_is_missing_wrong_or_doubtful_leaves_by_unsure(
    document: ReadDocument, config: dict[str, Any], label: str | None
) -> None:
    found = extract(document, **config)
    assert found.port == "unsure"
    assert [each["label"] for each in found.output["flags"]] == ([label] if label else [])


def test_a_check_that_only_informs_keeps_nothing_from_going_on() -> None:
    rule = {"kind": "rule", "rule": "item.gross < 1000.0", "level": "info", "label": "High"}
    found = extract(fields=AMOUNTS, checks=[rule])
    assert found.output["flags"][0]["level"] == "info"
    assert found.output["sure"]["gross"] == 1.0


def test_the_output_is_what_a_case_shows() -> None:
    """Without a step between: group, document and flags are parts of ``review.case``."""
    output = extract(fields=AMOUNTS, checks=[SUM], title="Payslip", id="payslip").output
    case = CheckpointConfig.model_validate(
        {
            "queue": "q",
            "sla": "s",
            "title": "t",
            "documents": [output["document"]],
            "show": [output["group"]],
            "flags": output["flags"],
            "confidence": output["confidence"],
            "required_evidence": ["payslip"],
        }
    )
    (document,), (group,) = case.documents, case.show
    assert document.artifact == ARTIFACT
    assert [(box.key, box.page, box.text) for box in document.boxes] == [
        ("gross", 1, "2,345.50"), ("tax", 1, "345.50"), ("net", 1, "2,000.00"),
    ]  # fmt: skip
    assert group.fields is not None
    net = group.fields[2]
    assert (net.value, net.confidence, net.format, net.unit) == (2000.0, 1.0, "money", "EUR")
    assert (net.source, net.editable) == ("On the page, page 1", True)


def test_a_model_is_asked_for_its_fields_alone_and_its_box_is_the_words_that_it_cites(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = answer(monkeypatch, name={"value": "Anna Berg", "lines": [2]})
    fields = [{"key": "name", "by": "model"}, *AMOUNTS]
    found = extract(fields=fields, model="reader")
    (asked,) = model.asked
    assert asked.schema is not None
    assert list(asked.schema["properties"]) == ["name"]
    assert "2: Employee Anna Berg" in asked.messages[1].text
    name = found.output["fields"][0]
    assert (name["value"], name["lines"], name["source"]) == ("Anna Berg", [2], "model")
    assert name["at"] == pytest.approx([0.16, 0.08, 0.09, 0.012])
    assert found.port == "done"
    assert found.provenance is not None
    assert (found.provenance["model"], found.provenance["cost"]) == ("reader", 0.5)


def test_a_value_that_the_text_does_not_hold_is_shown_marked_and_never_sure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(monkeypatch, name={"value": "Anna Bergmann", "lines": [2]})
    found = extract(fields=[{"key": "name", "by": "model"}], model="reader", threshold=0)
    name = found.output["fields"][0]
    assert (name["not_found_in_text"], name["confidence"], found.port) == (True, 0.0, "unsure")
    assert found.output["flags"][0]["label"] == "Name is not in the text"
    assert found.output["document"]["boxes"] == []


def test_a_model_without_probabilities_sends_its_fields_to_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(monkeypatch, probability=None, name={"value": "Anna Berg", "lines": [2]})
    found = extract(fields=[{"key": "name", "by": "model"}], model="reader")
    assert (found.output["confidence"], found.port) == (None, "unsure")


def test_a_failed_question_says_what_it_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, other=1)
    with pytest.raises(StepFailure) as caught:
        extract(fields=[{"key": "name", "by": "model"}], model="reader")
    assert caught.value.kind == "contract"
    assert caught.value.provenance is not None
    assert caught.value.provenance["cost"] == 1.0


def test_corrections_stand_in_the_next_round_and_the_one_after_it() -> None:
    first = extract(fields=AMOUNTS, corrections=[{"field": "net", "new": 1.0}, {"field": "kind"}])
    again = extract(fields=AMOUNTS, corrected=first.output["corrected"])
    for found in (first, again):
        assert found.output["values"]["net"] == 1.0
        assert found.output["corrected"] == {"net": 1.0}
        assert found.output["fields"][2]["source"] == "person"


def test_what_is_no_read_document_is_refused_with_its_place() -> None:
    with pytest.raises(StepFailure, match=r"not what document.read gives: media_type"):
        DocumentExtract().run(
            context(),
            DocumentExtract.Config.model_validate(
                {"document": {"artifact": {}}, "fields": AMOUNTS}
            ),
        )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"fields": [*AMOUNTS, AMOUNTS[0]]}, "same key"),
        ({"fields": AMOUNTS, "checks": [{**SUM, "total": "sum"}]}, "which is no field"),
        ({"fields": [{"key": "a", "by": "model"}]}, "give `model`"),
        ({"fields": AMOUNTS, "locale": "xx"}, "use one of en, en-GB"),
        ({"fields": [{"key": "a", "by": "pattern", "pattern": "("}]}, "is not a pattern"),
    ],
)
def test_a_config_that_cannot_work_is_refused(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DocumentExtract.Config.model_validate({"document": {}, **config})


def test_a_draft_is_told_of_unknown_models_and_of_fields_that_do_not_exist() -> None:
    document = parse(
        {
            "schema": "countersign/flow@1",
            "name": "slips",
            "input": {"type": "object", "properties": {"document": {"type": "object"}}},
            "steps": {
                "fields": {
                    "type": "document.extract",
                    "with": {"document": "${ input.document }", "fields": AMOUNTS,
                             "checks": [SUM, {"kind": "rule", "rule": "item.net > 0.0"}]},
                },
                "done": {"type": "end", "with": {"outcome": "done"}},
            },
            "edges": ["fields.done -> done", "fields.unsure -> done"],
            "output": {"net": "${ steps.fields.output.values.nett }"},
        }
    )  # fmt: skip
    problems = validate(document, catalogue())
    assert [each.code for each in problems] == ["expression.unknown_field"]
    assert "net" in problems[0].remedy


def test_a_model_is_named_only_where_one_is_asked() -> None:
    step = DocumentExtract()
    assert step.may_ask({"model": "reader"})
    assert not step.may_ask({})
    assert [each.model for each in step.list_models({"model": "reader"})] == ["reader"]
    assert step.list_models({"model": "${ input.model }"}) == []
    for config in ({}, {"fields": 3}, {"fields": [3, {}]}, {"kinds": "x"}):
        for each in (step, DocumentClassify(), DocumentSplit()):
            each.describe(config)
            each.output_schema(config)
            each.optional_ports(config) if hasattr(each, "optional_ports") else None


# --- Classify and split -----------------------------------------------------------------------

KINDS = [
    {"kind": "payslip", "phrases": {"Payslip": 4, "Net pay": 2}},
    {"kind": "invoice", "phrases": {"Invoice": 4}},
]


def classify(**config: Any) -> Result:
    given = {"document": SLIP.model_dump(mode="json"), "kinds": KINDS, **config}
    found = DocumentClassify().run(context(), DocumentClassify.Config.model_validate(given))
    assert isinstance(found, Result)
    return found


def test_a_kind_leaves_by_done_or_below_the_threshold_by_unsure() -> None:
    assert (classify().output["kind"], classify().port) == ("payslip", "done")
    assert classify(threshold=0.99).port == "unsure"


def test_a_person_s_kind_stands() -> None:
    found = classify(chosen="invoice")
    assert (found.output["kind"], found.output["confidence"], found.port) == (
        "invoice",
        1.0,
        "done",
    )


def test_a_model_chooses_a_kind_by_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, kind="payslip", lines=[1])
    found = classify(model="reader")
    assert (found.output["kind"], found.output["confidence"], found.port) == (
        "payslip",
        0.97,
        "done",
    )
    assert found.output["reasons"][0]["detail"] == "Page 1, line 1"
    answer(monkeypatch, kind="invoice", lines=[77])
    assert classify(model="reader").port == "unsure"


def test_a_split_scan_has_parts_that_can_be_extracted_one_by_one() -> None:
    scan = read_lines(["Payslip", "Net pay  1.00"], ["Invoice", "Total  2.00"])
    given = {"document": scan.model_dump(mode="json"), "kinds": KINDS}
    found = DocumentSplit().run(context(), DocumentSplit.Config.model_validate(given))
    assert found.port == "done"
    parts = found.output["parts"]
    assert [(each["kind"], each["first"], each["last"]) for each in parts] == [
        ("payslip", 1, 1), ("invoice", 2, 2),
    ]  # fmt: skip
    total = [{"key": "total", "anchors": ["Total"], "type": "amount"}]
    read = extract(ReadDocument.model_validate(parts[1]["document"]), fields=total).output
    assert (read["values"], read["fields"][0]["page"]) == ({"total": 2.0}, 2)


SCAN = read_lines(["Payslip", "Net pay  1.00"], ["continued"], ["Invoice", "Total  2.00"])


def split_by_model() -> Result:
    given = {"document": SCAN.model_dump(mode="json"), "kinds": KINDS, "model": "reader"}
    found = DocumentSplit().run(context(), DocumentSplit.Config.model_validate(given))
    assert isinstance(found, Result)
    return found


def test_a_model_splits_a_scan_by_the_lines_that_begin_its_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = [{"kind": "payslip", "line": 1}, {"kind": "invoice", "line": 4}]
    model = answer(monkeypatch, parts=parts)
    found = split_by_model()
    assert found.port == "done"
    made = [(each["kind"], each["pages"], each["confidence"]) for each in found.output["parts"]]
    assert made == [
        ("payslip", [1, 2], 0.97), ("invoice", [3], 0.97),
    ]  # fmt: skip
    assert found.output["parts"][1]["reasons"] == ["“Invoice” on page 3, line 4, says a model"]
    assert found.provenance["model"] == "reader"
    (asked,) = model.asked
    assert "Page 3\n4: Invoice" in asked.messages[1].parts[0].text
    answer(monkeypatch, probability=None, parts=parts)
    assert split_by_model().port == "unsure"


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([{"kind": "payslip", "line": 1}, {"kind": "invoice", "line": 77}], "cites line 77"),
        ([{"kind": "payslip", "line": 1}, {"kind": "invoice", "line": 2}], "two documents on page"),
        ([{"kind": "invoice", "line": 4}], "no document on the first page"),
        ([], "no document on the first page"),
    ],
)
def test_a_model_s_parts_that_rest_on_nothing_go_to_people(
    monkeypatch: pytest.MonkeyPatch, parts: list[dict[str, Any]], reason: str
) -> None:
    answer(monkeypatch, parts=parts)
    found = split_by_model()
    assert found.port == "unsure"
    assert {each["confidence"] for each in found.output["parts"]} == {0.0}
    assert all(reason in each["reasons"][-1] for each in found.output["parts"])
