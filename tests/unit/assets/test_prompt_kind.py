"""The kind prompt: its form, its problems, its tests, its editor's form, its files."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from flows.assets.errors import AssetInvalid
from flows.assets.files import read_file, to_file
from flows.assets.kinds import FormUnread, TestBudget, UnknownKind, get_kind, register_kind, sum_up
from flows.assets.prompts import testing
from flows.assets.prompts.assertions import check_answer
from flows.assets.prompts.content import check_form, make_empty
from flows.assets.prompts.filling import Prompt, digest_messages
from flows.assets.prompts.forms import fill_form, read_form
from flows.assets.prompts.kind import PROMPT, PromptKind
from flows.steps import language
from flows.steps.base import StepFailure
from flows.steps.language import ChatAnswer, ChatRequest
from flows.steps.models import Provenance
from tests.browsers import post_untouched
from tests.factories.prompts import TRIAGE

Json = Any


def with_test(*expect: Json, **more: Json) -> dict[str, Json]:
    return {**TRIAGE, "tests": [{"name": "One", "expect": list(expect), **more}]}


def problems_of(**changes: Json) -> dict[str, str]:
    return {each.field: str(each) for each in PROMPT.check({**TRIAGE, **changes})}


def test_kinds_are_found_by_name_and_registered_once() -> None:
    assert get_kind("prompt") is PROMPT
    register_kind(PROMPT)
    with pytest.raises(UnknownKind):
        get_kind("spell")

    class Other(PromptKind):
        pass

    with pytest.raises(ValueError, match="two kinds"):
        register_kind(Other())


def test_a_prompt_without_faults_has_no_problems() -> None:
    assert PROMPT.check(TRIAGE) == []
    assert PROMPT.check_form(make_empty()) == []


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"parts": [{"role": "user", "text": "{letter} {notes} {x}"}]}, "parts.0.text", "{x}"),
        ({"parts": [{"role": "user", "text": "{letter}"}]}, "variables.notes", "No part uses"),
        ({"parts": [{"role": "user", "text": "{letter}{notes}\n{"}]}, "parts.0.text", "Line 2"),
        ({"parts": [{"role": "system", "text": "{letter}{notes}"}]}, "parts", "user"),
        ({"parts": [{"role": "user", "text": "{letter}{notes}" + "x" * 200_001}]}, "parts", "more"),
        ({"answer": {"type": "topic"}}, "answer", "no JSON Schema"),
        (
            {"examples": [{"variables": {"letter": "x"}, "answer": {"topic": "car"}}]},
            "examples.0.answer.topic", "not one of",
        ),
        (
            {"examples": [{"variables": {}, "answer": {"topic": "card"}}]},
            "examples.0.variables.letter", "needs",
        ),
        ({"tests": [{"name": "a"}, {"name": "a"}]}, "tests.1.name", "Another test"),
        (
            {"tests": [{"name": "a", "expect": [{"kind": "matches", "value": "("}]}]},
            "tests.0.expect.0.value", "no pattern",
        ),
        ({"tests": [{"name": "a", "expect": [{"kind": "contains"}]}]},
         "tests.0.expect.0.value", "needs a value"),
        ({"from_cases": {"flow": "f", "count": 2, "variables": {"x": "y"}}},
         "from_cases.variables.x", "no such variable"),
    ],
)  # fmt: skip
def test_each_problem_names_its_place(changes: Json, field: str, said: str) -> None:
    found = problems_of(**changes)
    assert field in found, found
    assert said in found[field]


def test_a_sample_that_does_not_fit_is_a_problem() -> None:
    variables = {**TRIAGE["variables"], "notes": {"type": "array", "sample": "none"}}
    assert "variables.notes.sample" in problems_of(variables=variables)


@pytest.mark.parametrize(
    "content",
    [
        {"parts": "text"}, {"parts": [{"role": "tool", "text": ""}]}, {"more": 1},
        {"variables": {"a b": {}}}, {"variables": {"a": 7}}, {"tests": [{"expect": []}]},
        {"from_cases": {"flow": "x", "count": 21}}, {"examples": [{"answer": 1}]},
    ],
)  # fmt: skip
def test_what_has_not_the_form_of_a_prompt_is_told(content: Json) -> None:
    assert check_form(content)


# --- Tests on recorded answers ---------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "answer", "passed"),
    [
        ({"kind": "schema"}, {"topic": "card"}, True),
        ({"kind": "schema"}, {"topic": "car"}, False),
        ({"kind": "schema"}, "no JSON", False),
        ({"kind": "contains", "value": "card"}, {"topic": "card"}, True),
        ({"kind": "contains", "value": "money"}, {"topic": "card"}, False),
        ({"kind": "not_contains", "value": "money"}, "card", True),
        ({"kind": "not_contains", "value": "card"}, "card", False),
        ({"kind": "equals", "value": {"topic": "card"}}, {"topic": "card"}, True),
        ({"kind": "equals", "value": 1}, True, False),
        ({"kind": "matches", "value": "^[a-z]+$"}, "card", True),
        ({"kind": "matches", "value": "^[0-9]+$"}, "card", False),
        ({"kind": "matches", "value": "^(a+)+$"}, "a" * 60 + "!", False),
        ({"kind": "similar", "value": "The card is lost", "at_least": 0.8}, "The card is lost.",
         True),
        ({"kind": "similar", "value": "The card is lost", "at_least": 0.9}, "Money", False),
        ({"kind": "judge", "value": "polite"}, "card", None),
    ],
)  # fmt: skip
def test_each_assertion_says_whether_the_answer_is_as_wanted(
    wanted: Json, answer: Json, passed: bool | None
) -> None:
    assert check_answer(wanted, answer, TRIAGE["answer"], None).passed is passed


def test_a_test_runs_on_its_recorded_answer_with_the_samples() -> None:
    (result,) = PROMPT.run_tests("triage", TRIAGE, TestBudget())
    assert (result.state, result.source, result.is_stale) == ("passed", "recorded", False)
    assert sum_up([result]) == {"passed": 1, "failed": 0, "skipped": 0, "stale": 0}


def test_an_answer_to_an_earlier_text_is_marked() -> None:
    of = digest_messages(Prompt("", TRIAGE).fill({"letter": "My card is lost."}))
    content = with_test({"kind": "schema"}, recorded={"answer": {"topic": "card"}, "of": of})
    assert not PROMPT.run_tests("t", content, TestBudget())[0].is_stale
    changed = {**content, "parts": [*TRIAGE["parts"], {"role": "user", "text": "Quick."}]}
    assert PROMPT.run_tests("t", changed, TestBudget())[0].is_stale


def test_without_an_answer_a_test_is_skipped_and_never_passes() -> None:
    assert PROMPT.run_tests("t", with_test(), TestBudget())[0].state == "skipped"
    only_judged = with_test({"kind": "judge", "value": "polite"}, recorded={"answer": "x"})
    assert PROMPT.run_tests("t", only_judged, TestBudget())[0].state == "skipped"


# --- Tests against a model -------------------------------------------------------------


class Small:
    """A language model of the tests' own. It answers from a list, and says what it was asked."""

    name = "test-small"

    def __init__(self) -> None:
        self.asked: list[ChatRequest] = []
        self.answers: list[str | Exception] = []

    def language_models(self) -> Mapping[str, str]:
        return {"small": "1"}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        made = Provenance("test-small", request.model, "1", cost=0.5)
        return ChatAnswer(answer, (), "stop", made)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Small:
    made = Small()
    monkeypatch.setattr(language, "_PROVIDERS", {made.name: made})
    monkeypatch.setattr(language, "_LAST", {})
    return made


def test_a_model_is_asked_what_the_prompt_says_and_its_answer_kept(small: Small) -> None:
    small.answers = ['{"topic": "payment"}']
    content = with_test({"kind": "equals", "value": {"topic": "payment"}})
    budget = TestBudget("small", calls=3)

    results = PROMPT.run_tests("t", content, budget)

    assert [each.state for each in results] == ["passed"]
    assert (budget.calls_made, budget.cost_made, results[0].cost) == (1, 0.5, 0.5)
    (asked,) = small.asked
    assert asked.schema == TRIAGE["answer"]
    assert asked.parameters == {"temperature": 0}
    kept = PROMPT.keep_answers(content, results, "small")
    assert kept["tests"][0]["recorded"]["answer"] == {"topic": "payment"}
    (again,) = PROMPT.run_tests("t", kept, TestBudget())
    assert (again.state, again.is_stale) == ("passed", False)


def test_no_call_begins_past_the_budget(small: Small) -> None:
    small.answers = ['{"topic": "card"}'] * 9
    tests = [{"name": str(number)} for number in range(5)]
    budget = TestBudget("small", calls=2)
    states = [each.state for each in PROMPT.run_tests("t", {**TRIAGE, "tests": tests}, budget)]
    assert states == ["passed", "passed", "skipped", "skipped", "skipped"]
    dear = TestBudget("small", calls=9, cost=0.75)
    PROMPT.run_tests("t", {**TRIAGE, "tests": tests}, dear)
    assert dear.calls_made == 2
    late = TestBudget("small", calls=9, seconds=0.001, began=-10.0)
    PROMPT.run_tests("t", {**TRIAGE, "tests": tests}, late)
    assert late.calls_made == 0


def test_a_judge_scores_and_its_calls_count(small: Small) -> None:
    small.answers = ['{"topic": "card"}', '{"score": 0.4, "reason": "Too short."}']
    content = with_test({"kind": "judge", "value": "It is polite", "at_least": 0.7})
    budget = TestBudget("small", judge="small", calls=2)
    (result,) = PROMPT.run_tests("t", content, budget)
    assert (result.state, budget.calls_made) == ("failed", 2)
    assert "0.40 of 0.70. Too short." in result.checks[0].message
    assert small.asked[1].messages[1].text.endswith('Answer:\n{"topic":"card"}')


@pytest.mark.parametrize("said", ["no JSON", "[]", '{"score": "high"}', '{"reason": ""}'])
def test_a_judge_that_gives_no_score_fails_the_test(small: Small, said: str) -> None:
    small.answers = ['{"topic": "card"}', said]
    content = with_test({"kind": "judge", "value": "polite"})
    (result,) = PROMPT.run_tests("t", content, TestBudget("small", calls=2))
    assert result.state == "failed"


def test_a_call_that_fails_fails_its_test_and_was_counted(small: Small) -> None:
    small.answers = [StepFailure("The server is away.")]
    budget = TestBudget("small", calls=1)
    (result,) = testing.run_tests("t", with_test(), budget)
    assert (result.state, result.reason, budget.calls_made) == ("failed", "The server is away.", 1)
    (unknown,) = testing.run_tests("t", with_test(), TestBudget("big", calls=1))
    assert "There is no language model 'big'" in unknown.reason


# --- The editor's form, and files ------------------------------------------------------

FULL: Json = {
    **TRIAGE,
    "variables": {
        **TRIAGE["variables"],
        "facts": {"type": ["object", "null"], "title": "Facts", "sample": {"age": 7}},
        "rate": {"type": "number", "minimum": 0, "required": False, "sample": 0.5},
        "any": {"sample": "text"},
    },
    "from_cases": {
        "flow": "letters", "queue": "desk", "count": 3, "only_corrected": True,
        "leave_out": ["name", "iban"], "variables": {"letter": "text"},
        "answer": {"topic": "outcome"},
    },
    "parameters": {"temperature": 0.25, "max_tokens": 300, "stop": ["\n\n"], "seed": 7},
    "tests": [
        *TRIAGE["tests"],
        {
            "name": "All", "variables": {"letter": "a: b\n# c"},
            "expect": [
                {"kind": "contains", "value": "yes"}, {"kind": "equals", "value": "yes"},
                {"kind": "matches", "value": "^a|b$"},
                {"kind": "similar", "value": "{x}", "at_least": 0.9},
            ],
            "recorded": {"answer": "not JSON", "of": "abc", "model": "small"},
        },
    ],
}  # fmt: skip


def round_trip(content: Json) -> Json:
    """Return what the editor sends for a content that nobody touched."""
    from django.template.loader import render_to_string

    form = fill_form(content)
    html = render_to_string("flows/prompts/_form.html", {"form": form, "fields": form["fields"]})
    return read_form(post_untouched(html))


@pytest.mark.parametrize("content", [TRIAGE, FULL, make_empty()], ids=["triage", "full", "empty"])
def test_the_form_sends_back_what_it_was_filled_with(content: Json) -> None:
    sent = {key: value for key, value in round_trip(content).items() if value}
    assert sent == {key: value for key, value in content.items() if value}
    assert PROMPT.normal(sent) == PROMPT.normal({k: v for k, v in content.items() if v})


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-99, 99)
    | st.text(alphabet="ab:#- \n'\"{}1", min_size=1),
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=5,
)


@given(sample=VALUES, answer=VALUES)
def test_any_value_goes_through_the_form_unchanged(sample: Json, answer: Json) -> None:
    content = {
        "variables": {"a": {"sample": sample}},
        "parts": [{"role": "user", "text": "{a}"}],
        "examples": [{"variables": {"a": sample}, "answer": answer}],
        "answer": {"title": "Anything"},
    }
    sent = round_trip(content)
    assert sent["variables"] == content["variables"]
    assert sent["examples"] == content["examples"]


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ({"variable-rows": "1", "variable-0-name": ""}, "variable-0-name"),
        ({"answer": "[1"}, "answer"),
        ({"answer": "text"}, "answer"),
        ({"temperature": "warm"}, "temperature"),
        ({"cases-flow": "x", "cases-count": "many"}, "cases-count"),
        ({"test-rows": "1"}, "test-0-name"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(posted: dict[str, str], field: str) -> None:
    sent = QueryDict(mutable=True)
    sent.update(posted)
    with pytest.raises(FormUnread) as unread:
        read_form(sent)
    assert [each.field for each in unread.value.problems] == [field]


@pytest.mark.parametrize(
    ("act", "roles"),
    [
        ("add:part", ["system", "user", "user"]), ("remove:part:0", ["user"]),
        ("up:part:1", ["user", "system"]), ("up:part:0", ["system", "user"]),
        ("remove:part:9", ["system", "user"]), ("burn:everything", ["system", "user"]),
        ("add:expect.7", ["system", "user"]),
    ],
)  # fmt: skip
def test_a_button_changes_the_rows_and_nothing_else(act: str, roles: list[str]) -> None:
    sent = QueryDict(mutable=True)
    sent.update(
        {"part-rows": "2", "part-0-role": "system", "part-0-text": "a", "part-1-role": "user",
         "part-1-text": "b", "row": act}
    )  # fmt: skip
    fields = fill_form(TRIAGE, sent)["fields"]
    assert [each["role"] for each in fields["part"]] == roles


@pytest.mark.parametrize("content", [TRIAGE, FULL, make_empty()], ids=["triage", "full", "empty"])
def test_a_file_is_read_back_without_loss_and_written_the_same(content: Json) -> None:
    text = to_file(PROMPT, "triage", "Letter triage", content)
    found = read_file(text)
    assert (found.kind, found.name, found.title) == (PROMPT, "triage", "Letter triage")
    assert found.content == content
    assert list(found.content["variables"]) == list(content["variables"])
    assert to_file(PROMPT, found.name, found.title, found.content) == text


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("a: [", "file"), ("[]", "file"), ("name: x", "schema"),
        ("schema: countersign/spell@1\nname: x", "schema"),
        ("schema: countersign/prompt@1", "name"),
        ("schema: countersign/prompt@1\nname: x\nparts: 7", "parts"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_prompt_is_refused_with_the_place(text: str, field: str) -> None:
    with pytest.raises(AssetInvalid) as refused:
        read_file(text)
    assert refused.value.problems[0].field == field


def test_the_keys_of_a_content_come_in_their_fixed_order() -> None:
    backwards = dict(reversed(list(TRIAGE.items())))
    assert list(PROMPT.normal(backwards)) == list(TRIAGE)
