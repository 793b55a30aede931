"""The flows to start from: tidy, whole, tested to the last edge; and the rules they call."""

import re
import zlib
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples import document_intake as intake
from examples.content_moderation import rules as moderation
from examples.document_intake.page import ADVANCE, PAGE_HEIGHT, PAGE_WIDTH, set_page
from examples.insurance_claim import rules as claims
from examples.keywords import sort_text
from examples.language.reader import LABELLED
from examples.support_triage import rules as support
from flows.assets.templates import make_assets
from flows.graph.codec import parse
from flows.graph.model import Document
from flows.graph.validation import validate
from flows.runtime.flow_tests import coverage, run_flow_tests
from flows.selectors.examples import list_examples
from flows.services.templates import AssetMaking
from flows.steps.catalogue import catalogue
from flows.steps.document_extract import DocumentExtract
from flows.steps.functions import get_function
from flows.steps.guard import Guard
from reviews.management.demo.work import QUEUES
from tests.factories.people import ACTOR
from tests.unit.steps.contexts import NOW, context

# As frontend/editor/src/doc/geometry.js has them.
CARD_WIDTH, CARD_HEAD, PORT_ROW, CARD_FOOT = 240, 64, 24, 8
TRADES = ("consumer_loan", "content_moderation", "document_intake", "insurance_claim",
          "letters", "refunds", "support_triage")  # fmt: skip
CHECKPOINT = "review.case"


@pytest.fixture(params=[f"{trade}/flow" for trade in TRADES])
def template(request: pytest.FixtureRequest, transactional_db: None) -> Document:
    """Return the document; its assets are there, as when a flow is made of it."""
    example = list_examples()[request.param]
    if example.assets:
        make_assets(example.assets, AssetMaking(None, ACTOR, NOW))
    return example.document


def call(trade: str, name: str, **args: Any) -> Any:
    function = get_function(f"examples.{trade}.steps:{name}")
    return function.output(function.call(args, context(), rehearsing=True))


# --- Every template -----------------------------------------------------------


def test_the_templates_are_one_flow_a_trade_consumer_loan_first() -> None:
    assert list(list_examples()) == [f"{trade}/flow" for trade in TRADES]


def test_a_template_has_no_problem_and_no_warning(template: Document) -> None:
    assert [str(problem) for problem in validate(template, catalogue())] == []


def test_a_template_s_own_tests_pass_and_cover_every_step_and_edge(template: Document) -> None:
    results = run_flow_tests(template, now=NOW)
    assert {each.name: each.problems for each in results if not each.passed} == {}
    covered = coverage(template, results)
    assert (covered.missed_steps, covered.missed_edges) == ((), ())


def test_no_card_lies_on_another(template: Document) -> None:
    assert set(template.layout) == set(template.steps)
    boxes = {step: (*template.layout[step], card_height(template, step)) for step in template.steps}
    assert [
        (one, other)
        for (one, (x, y, high)), (other, (u, v, tall)) in combinations(boxes.items(), 2)
        if abs(x - u) < CARD_WIDTH and y < v + tall and v < y + high
    ] == []


def card_height(document: Document, step: str) -> int:
    """Return how high the canvas draws a step: a row for each port where there are several."""
    facts = catalogue()[document.steps[step].type]
    limit = document.steps[step].max_visits is not None
    ports = len(facts.ports(document.steps[step].config)) + limit
    return CARD_HEAD + (ports * PORT_ROW + CARD_FOOT if ports > 1 else 0)


def test_edges_run_from_left_to_right_but_for_loops(template: Document) -> None:
    """Only what comes back from a person may point left."""
    place = template.layout
    assert {
        str(edge)
        for edge in template.edges
        if place[edge.source][0] >= place[edge.target][0]
        and template.steps[edge.source].type != CHECKPOINT
    } == set()


def test_a_template_has_a_description_and_samples_that_fit_its_contract(template: Document) -> None:
    assert template.title
    assert 40 < len(template.description) < 300
    assert len(template.samples) >= 3
    contract = jsonschema_rs.validator_for(dict(template.input), validate_formats=True)
    errors = {
        name: error.message
        for name, sample in template.samples.items()
        for error in contract.iter_errors(sample)
    }
    assert errors == {}


def test_a_template_s_checkpoints_use_a_queue_of_the_demo_and_show_what_matters(
    template: Document,
) -> None:
    checkpoints = [step for step in template.steps.values() if step.type == CHECKPOINT]
    agents = [step for step in template.steps.values() if step.type == "agent.run"]
    assert checkpoints or agents
    queues = {name for name, *_ in QUEUES}
    for step in agents:
        assert step.config["review"]["queue"] in queues
        assert step.config["review"]["sla"] == "standard"
        assert step.runbook
    for step in checkpoints:
        assert step.config["queue"] in queues
        assert step.config["sla"] == "standard"
        assert step.runbook
        assert {"confidence", "flags", "reasons", "reason_codes", "show"} <= set(step.config)
    outcomes = [step for step in template.steps.values() if step.type == "end"]
    assert len(outcomes) >= 2


# --- Sorting by phrases ---------------------------------------------------------


KINDS = {"one": {"alpha": 2.0, "beta gamma": 3.0}, "two": {"delta": 2.0}}


@pytest.mark.parametrize(
    ("text", "kind", "confidence"),
    [
        ("nothing of it", "neither", 0.5),
        ("Alpha.", "one", 0.9),
        ("alphabet", "neither", 0.5),
        ("alpha and delta", "one", 0.5),
        ("beta, gamma; alpha", "one", 0.95),
    ],
)
def test_the_confidence_is_the_kinds_share_of_the_evidence(
    text: str, kind: str, confidence: float
) -> None:
    found = sort_text(text, KINDS, "neither")
    assert (found["kind"], found["confidence"]) == (kind, confidence)


def test_reasons_speak_for_the_kind_or_against_it() -> None:
    found = sort_text("delta, beta gamma", KINDS, "neither")
    assert [(each["label"], each["contribution"]) for each in found["reasons"]] == [
        ("“beta gamma”", 3.0),
        ("“delta”", -2.0),
    ]


# --- Support triage -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111 1111 1111 1111", "[Card]"),
        ("4111-1111-1111-1112", "4111-1111-1111-1112"),
        ("order 1234567", "order 1234567"),
        ("password: Sommer2026!", "password: [Secret]"),
    ],
)
def test_only_card_numbers_with_a_right_check_digit_are_masked(text: str, masked: str) -> None:
    guard = list_examples()["support_triage/flow"].document.steps["masked"]
    config = Guard.Config.model_validate({**guard.config, "check": {"text": text}})
    assert Guard().rehearse(context(), config).output["value"] == {"text": masked}


def test_quotes_and_signature_are_no_part_of_the_request() -> None:
    assert support.drop_quotes("Hello\n> older\nBye\n--\nMy name") == "Hello\nBye"


def test_a_request_repeats_another_if_most_words_are_the_same() -> None:
    earlier = [{"ticket": "A", "text": "one two three"}, {"ticket": "B", "text": "four five"}]
    same = call("support_triage", "duplicate", text="three two one six", open_requests=earlier)
    other = call("support_triage", "duplicate", text="one seven eight", open_requests=earlier)
    assert (same["of"], same["likeness"]) == ("A", 0.75)
    assert other["of"] == ""


# --- Document intake ------------------------------------------------------------

INTAKE = parse(Path(intake.__file__).with_name("flow.yaml").read_text())
INVOICE = "Some Mill\n\nInvoice number: 2026-0417\nDate: 02.03.2026\nTotal   1,190.00\n"


def extract(text: str, **changes: Any) -> Any:
    """Run the template's own step on a text, by the model that comes with it."""
    config = INTAKE.steps["fields"].config
    document = call("document_intake", "typeset", title="D", text=text)["document"]
    given = {**config, "document": document, "title": "D", "corrected": {}, "corrections": [],
             "checks": [], **changes}  # fmt: skip
    step = DocumentExtract()
    found = step.read(context(), DocumentExtract.Config.model_validate(given), "key")
    return found.output


def test_values_are_read_under_their_labels_by_the_model_that_comes_with_it() -> None:
    found = extract(INVOICE)
    values = {key: value for key, value in found["values"].items() if value is not None}
    assert values == {"number": "2026-0417", "date": "2026-03-02", "total": 1190.0}
    assert {found["sure"][key] for key in values} == {LABELLED}
    assert not any(each["not_found_in_text"] for each in found["fields"])


def test_two_totals_make_each_half_as_sure() -> None:
    found = extract(f"{INVOICE}Total 1,200.00\n")
    assert found["sure"]["total"] == LABELLED / 2


def test_a_day_that_is_none_is_not_read() -> None:
    assert extract("Date: 31.02.2026")["values"]["date"] is None


def test_each_box_is_around_its_value_on_the_page() -> None:
    content, pages = set_page("Document", INVOICE)
    lines = places_in(content)
    words = [word for line in pages[0]["lines"] for word in line["words"]]
    assert [word["text"] for word in words][:4] == ["Some", "Mill", "Invoice", "number:"]
    for line in pages[0]["lines"]:
        source = INVOICE.splitlines()[line["number"] - 1]
        x, y, size = lines[source]
        for word in line["words"]:
            starts = x + ADVANCE * size * source.index(word["text"])
            ends = starts + ADVANCE * size * len(word["text"])
            left, top, width, height = word["at"]
            assert left * PAGE_WIDTH <= starts < ends <= (left + width) * PAGE_WIDTH
            assert top * PAGE_HEIGHT < y < (top + height) * PAGE_HEIGHT


def places_in(content: bytes) -> dict[str, tuple[float, float, float]]:
    """Return each line of a PDF and where its baseline starts, and its size."""
    places = {}
    for stream in re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL):
        page = zlib.decompress(stream).decode("latin-1")
        size = re.search(r"/F\d+ ([\d.]+) Tf", page)
        for x, y, text in re.findall(r"BT ([\d.]+) ([\d.]+) Td \((.*?)\) Tj ET", page):
            assert size
            places[text] = (float(x), PAGE_HEIGHT - float(y), float(size[1]))
    return places


def test_a_long_document_has_pages_and_its_boxes_their_page() -> None:
    found = extract("\n".join(["line"] * 100 + ["Total 1,190.00"]))
    boxes = found["document"]["boxes"]
    assert [box["page"] for box in boxes] == [3]
    assert all(0 <= share <= 1 for box in boxes for share in box["at"])


@given(st.text(max_size=400))
def test_any_text_can_be_read_and_set(text: str) -> None:
    assert extract(text)["confidence"] is not None


@pytest.mark.parametrize(
    ("lines", "known", "labels"),
    [
        ("Net 100.00\nVAT 19 % 19.00\nTotal 119.00", "", []),
        ("Net 100.00\nVAT 19 % 19.00\nTotal 120.00", "", ["The sum is wrong"]),
        ("IBAN: DE88 3704 0044 0532 0130 00", "", ["No valid account"]),
        (
            "IBAN: GB29 NWBK 6016 1331 9268 19",
            "DE89 3704 0044 0532 0130 00",
            ["The account has changed"],
        ),
        ("IBAN: DE89 3704 0044 0532 0130 00", "de89370400440532013000", []),
    ],
)
def test_a_document_is_checked_against_itself_and_the_account_so_far(
    lines: str, known: str, labels: list[str]
) -> None:
    checks = INTAKE.steps["fields"].config["checks"]
    own = [{**each, "to": known} if each["kind"] == "same" else each for each in checks
           if each["kind"] != "rule"]  # fmt: skip
    text = f"Invoice number: 1\nDate: 02.03.2026\n{lines}"
    assert [flag["label"] for flag in extract(text, checks=own)["flags"]] == labels


# --- Insurance claim ------------------------------------------------------------


@pytest.mark.parametrize(
    ("category", "age", "worth"),
    [("electronics", 0, 1000.0), ("electronics", 1, 800.0), ("clothing", 30, 100.0)],
)
def test_a_thing_loses_value_down_to_the_remainder(category: str, age: float, worth: float) -> None:
    assert claims.worth(1000, category, age) == worth


POLICY = {"number": "H", "start": "2026-01-01", "end": "2026-12-31", "limit": 1000,
          "deductible": 100, "covers": ["fire"]}  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "covered", "payable"),
    [(500, True, 400.0), (5000, True, 900.0), (50, True, 0.0), (500, False, 0.0)],
)
def test_a_policy_pays_the_damage_up_to_the_limit_less_the_deductible(
    damage: float, covered: bool, payable: float
) -> None:
    found = call("insurance_claim", "settlement", policy=POLICY, covered=covered, damage=damage)
    assert found["payable"] == payable


@pytest.mark.parametrize(("day", "flags"), [("2026-12-31", 0), ("2027-01-01", 1)])
def test_a_policy_covers_its_last_day_and_no_day_after_it(day: str, flags: int) -> None:
    assert len(claims.cover_flags(POLICY, day, "fire")) == flags


# --- Content moderation -----------------------------------------------------------


def test_disguised_words_are_found() -> None:
    assert moderation.undo_disguises("id1ot 2026 idi0t") == "idiot 2026 idiot"


def test_personal_data_is_masked_by_kind_and_dates_stay() -> None:
    text = "ask ann@mail.example, +49 30 1234567 or DE89 3704 0044 0532 0130 00 by 2026-03-02"
    guard = list_examples()["content_moderation/flow"].document.steps["personal"]
    config = Guard.Config.model_validate({**guard.config, "check": text})
    result = Guard().rehearse(context(), config)
    assert result.port == "flagged"
    assert result.output["value"] == "ask [E-mail], [Phone] or [IBAN] by 2026-03-02"


def test_speech_is_never_removed_by_a_rule() -> None:
    standing = call(
        "content_moderation",
        "standing",
        author={"id": "a", "age_days": 0, "strikes": 9},
        reports=50,
    )
    harm = call("content_moderation", "harm", text="you are worthless, nobody likes you, loser")
    verdict = call(
        "content_moderation",
        "policy",
        standing=standing,
        harm=harm,
        spam={"points": 0, "reasons": []},
        personal=[],
        reports=50,
    )
    assert (verdict["verdict"], verdict["rule"]) == ("unsure", "harassment")
