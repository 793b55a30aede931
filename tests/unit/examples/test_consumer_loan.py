import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from examples.consumer_loan import convert, documents, generate, rules
from examples.consumer_loan.attributes import ATTRIBUTES, read_rows
from flows.documents.extraction.fields import Extracted
from flows.documents.model import ReadDocument
from flows.documents.showing import show_document
from flows.expressions import compile_template
from flows.graph.codec import parse
from flows.graph.model import Document
from flows.steps.base import StepFailure
from flows.steps.functions import get_function
from tests.unit.examples.applicants import application, applications
from tests.unit.steps.contexts import context

MODULE = "examples.consumer_loan.steps"
FLOW = Path(rules.__file__).with_name("flow.yaml")
ROW = "A12 18 A32 A42 2500 A61 A73 3 A92 A101 2 A123 41 A141 A151 1 A172 2 A191 A202 2"


def call(name: str, **args: Any) -> Any:
    function = get_function(f"{MODULE}:{name}")
    return function.output(function.call(args, context()))


def labels(flags: list[Any]) -> list[str]:
    return [flag["label"] for flag in flags]


@pytest.fixture(scope="module")
def flow() -> Document:
    return parse(FLOW.read_text())


# --- Rules --------------------------------------------------------------------


def test_an_instalment_is_an_annuity() -> None:
    # 1,000 DM over 12 months at 9 % a year: the tables of any bank say 87.45.
    assert rules.monthly_instalment(1_000, 12) == 87.45


@pytest.mark.parametrize(("income", "affordable"), [(1_287.45, True), (1_287.44, False)])
def test_a_loan_is_affordable_if_the_household_keeps_something(
    income: float, affordable: bool
) -> None:
    found = call("affordability", application=application(amount=1_000, net_income=income))
    assert found["affordable"] is affordable
    assert ("Not affordable on paper" in labels(found["flags"])) is not affordable


def test_without_an_income_only_the_instalment_speaks() -> None:
    small = call("affordability", application=application())
    large = call("affordability", application=application(amount=9_000, duration_months=12))
    assert (small["left_over"], small["affordable"], small["flags"]) == (None, True, [])
    assert labels(large["flags"]) == ["High instalment"]


@pytest.mark.parametrize(
    ("changes", "read", "expected", "critical"),
    [
        ({}, {}, [], False),
        ({"net_income": 2_000}, {"net_income": 2_300}, [], False),
        ({"net_income": 2_000}, {"net_income": 1_699}, ["Income differs"], True),
        ({"employer": "A"}, {"employer": "B"}, ["Employer differs"], True),
        ({"duration_months": 48}, {}, ["Term outlives the goods"], False),
        ({"checking_account": "overdrawn", "savings": "1000_or_more"}, {},
         ["Contradictory finances"], False),
    ],
)  # fmt: skip
def test_fraud_rules_compare_what_is_stated_with_what_is_shown(
    changes: dict[str, Any], read: dict[str, Any], expected: list[str], critical: bool
) -> None:
    given_read = {"net_income": 2_000.0, "employer": "A", **read}
    found = call("fraud", application=application(**changes), **given_read)
    assert (labels(found["flags"]), found["critical"]) == (expected, critical)


# --- Preparing ------------------------------------------------------------------


def test_preparing_drops_protected_characteristics_and_takes_corrections() -> None:
    given_application = application(protected={"age_years": 30}, net_income=2_000)
    override = {"field": "net_income", "old": 2_000, "new": 1_800, "reason": "misread"}
    found = call("prepare", application=given_application, corrections=[override])
    assert "protected" not in found["application"]
    assert found["application"]["net_income"] == 1_800
    assert found["corrected"] == ["net_income"]


def test_preparing_refuses_a_correction_of_what_people_may_not_change() -> None:
    forbidden = {"field": "savings", "new": "1000_or_more"}
    with pytest.raises(StepFailure, match="savings cannot be corrected") as caught:
        call("prepare", application=application(), corrections=[forbidden])
    assert not caught.value.retryable


@given(applications)
def test_every_application_of_the_contract_can_be_prepared_and_checked(
    values: dict[str, Any],
) -> None:
    prepared = call("prepare", application=values, corrections=[])["application"]
    assert call("affordability", application=prepared)["instalment"] > 0
    call("fraud", application=prepared, net_income=2_000.0, employer="A")


# --- Documents ------------------------------------------------------------------


def payslip() -> documents.Drawn:
    paper = {"net_income": 2_345.6, "employer": "Mühlbach Papier", "month": "December 2025"}
    return documents.payslip("Applicant 0001", paper)


def test_a_document_drawn_again_has_the_same_bytes() -> None:
    assert payslip().content == payslip().content
    assert payslip().content.startswith(b"%PDF-")


def read(drawn: documents.Drawn) -> tuple[ReadDocument, dict[str, Extracted]]:
    document, found = documents.read(drawn, lambda *_: {"artifact": "0" * 64})
    return document, {each.key: each for each in found}


def test_the_documents_say_what_is_read_on_them_and_where() -> None:
    document, found = read(payslip())
    assert "Net pay 2,345.60 DM" in document.text
    assert {key: each.value for key, each in found.items()} == {
        "employer": "Mühlbach Papier",
        "gross_income": 3449.41,
        "deductions": 1103.81,
        "net_income": 2345.6,
    }
    lines = {line.number: line for page in document.pages for line in page.lines}
    for each in found.values():
        assert each.at is not None
        (number,) = each.lines
        assert each.text in lines[number].text
        assert lines[number].at[0] < each.at[0]
        assert each.at[0] + each.at[2] <= lines[number].at[0] + lines[number].at[2] + 0.001
        assert each.confidence == 1.0


def test_the_application_form_is_read_too() -> None:
    _, found = read(documents.application_form("A", application(purpose="new_car")))
    assert {key: each.value for key, each in found.items()} == {
        "amount": 1200.0,
        "duration_months": 12,
        "purpose": "new car",
        "housing": "own",
    }


@pytest.mark.skipif(not documents.is_ocr_installed(), reason="needs an OCR engine")
def test_a_scanned_payslip_is_recognised_and_shown_straight() -> None:
    scanned = documents.hand_in_scan(payslip(), "Applicant 0001")
    document, found = read(scanned)
    assert (scanned.media_type, document.pages[0].source) == ("image/jpeg", "ocr")
    assert found["net_income"].value == 2345.6
    assert found["net_income"].confidence is not None
    assert found["net_income"].confidence > 0.9
    shown = show_document("payslip", "Payslip", document, list(found.values()))
    assert shown["words"][0]["skew"] == document.pages[0].skew != 0


def test_a_payslip_whose_net_pay_is_not_found_waits_for_a_person() -> None:
    found = call("fraud", application=application(), net_income=None, employer="")
    assert labels(found["flags"]) == ["Payslip not legible"]


def test_a_name_is_the_same_whatever_accents_and_spaces_a_scan_has() -> None:
    given = application(employer="Mühlbach Papier")
    found = call("fraud", application=given, net_income=2_000.0, employer="MuhlbachPapier")
    assert labels(found["flags"]) == []


def test_a_long_value_stays_on_the_page_and_a_foreign_letter_is_replaced() -> None:
    paper = {"net_income": 1.0, "employer": "Zażółć " * 30, "month": "December 2025"}
    _, found = read(documents.payslip("Applicant 0001", paper))
    employer = found["employer"]
    assert employer.at is not None
    assert employer.at[0] + employer.at[2] <= 1
    assert employer.text.endswith("...")


# --- Data -----------------------------------------------------------------------


def test_a_row_becomes_an_application_with_its_outcome_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.data"
    path.write_text(f"{ROW}\n\n{ROW.rsplit(' ', 1)[0]}\n")
    first, second = convert.lines(path, "rows")
    assert first["label"] == "bad"
    assert "label" not in second
    assert (first["idempotency_key"], second["idempotency_key"]) == ("rows-0001", "rows-0003")
    assert first["input"]["checking_account"] == "under_200"
    assert first["input"]["telephone"] is False
    assert first["input"]["protected"] == {
        "personal_status": "female_divorced_or_married",
        "age_years": 41,
        "foreign_worker": False,
    }
    assert {each.name for each in ATTRIBUTES} <= set(first["input"])
    assert "bad" not in json.dumps(first["input"])


@pytest.mark.parametrize(
    ("row", "named"), [("A11 6", "2 columns"), (ROW.replace("A42", "A99"), "purpose")]
)
def test_a_wrong_row_is_named_by_its_line(tmp_path: Path, row: str, named: str) -> None:
    path = tmp_path / "rows.data"
    path.write_text(f"{ROW}\n{row}\n")
    with pytest.raises(ValueError, match=f"line 2: .*{named}"):
        list(read_rows(path))


def test_generated_applications_are_the_same_for_a_seed_and_fit_the_contract(
    flow: Document,
) -> None:
    import jsonschema_rs

    made = list(generate.applications(60, seed=7))
    assert made == list(generate.applications(60, seed=7))
    assert made != list(generate.applications(60, seed=8))
    contract = jsonschema_rs.validator_for(dict(flow.input))
    assert [error for each in made for error in contract.iter_errors(each)] == []
    assert len({each["applicant"] for each in made}) == 60


# --- The flow -------------------------------------------------------------------


def test_the_flow_accepts_all_unprotected_attributes_and_requires_them(flow: Document) -> None:
    names = {each.name for each in ATTRIBUTES}
    assert len(names) == 17
    assert names == set(flow.input["required"])
    for each in ATTRIBUTES:
        if each.codes and each.name != "telephone":
            assert flow.input["properties"][each.name]["enum"] == list(each.codes.values())


def test_every_expression_of_the_flow_compiles(flow: Document) -> None:
    for step in flow.steps.values():
        compile_template(dict(step.config))
    compile_template(dict(flow.output))


def test_no_step_but_the_first_reads_protected_characteristics(flow: Document) -> None:
    texts = {step.id: json.dumps(dict(step.config)) for step in flow.steps.values()}
    readers = [
        step for step, text in texts.items() if re.search(r"protected|\binput\b(?![.\"])", text)
    ]
    assert readers == ["prepare"]
