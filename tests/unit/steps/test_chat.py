"""What `llm.chat` makes of its config: the question, its checks, and the form of its output."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.agents.turn import AgentTurn
from flows.editor.fields import suggest_properties
from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.steps import files, language, prompts
from flows.steps.base import Result, StepContext, StepFailure
from flows.steps.chat import Chat
from flows.steps.chat_files import MOST_FILE_BYTES
from flows.steps.files import FileMissing, RunFile
from flows.steps.language import ChatAnswer, ChatRequest, Message, Part
from flows.steps.models import InputRefused, Provenance
from flows.steps.prompts import FilledPrompt, UnknownPrompt, VariablesRefused
from tests.factories.pdf import make_pdf
from tests.unit.steps.contexts import context

SCHEMA = {"type": "object", "properties": {"team": {"enum": ["cards"]}}, "required": ["team"]}


class Model:
    """A provider of one model, which says what it is told to and keeps what it was asked."""

    name = "fake"

    def __init__(self, *said: str) -> None:
        self.said = list(said)
        self.asked: list[ChatRequest] = []
        self.refuses = ""

    def language_models(self) -> Mapping[str, str]:
        return {"support": "1"}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        self.asked.append(request)
        if self.refuses:
            raise InputRefused(self.refuses, "it takes none")
        text = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        return ChatAnswer(text, (), "stop", Provenance("fake", "support", "1"))


class Prompts:
    """A source of one prompt."""

    def fill(self, name: str, number: int | None, variables: Mapping[str, Any]) -> FilledPrompt:
        self.find_variables(name, number)
        if "ticket" not in variables:
            raise VariablesRefused("ticket", "is missing")
        said = Part(f"{name}@{number}: {variables['ticket']}")
        return FilledPrompt(
            f"{name}@{number or 4}", [Message("user", (said,))], SCHEMA, {"temperature": 0.1}
        )

    def find_variables(self, name: str, number: int | None) -> Mapping[str, Any]:
        if name != "triage":
            raise UnknownPrompt(f"There is no prompt {name!r}.")
        return {
            "type": "object",
            "properties": {"ticket": {"type": "string"}, "urgency": {"type": "integer"}},
            "required": ["ticket"],
            "additionalProperties": False,
        }


class Files:
    sizes: Mapping[str, int] = {"known": 1, "half": MOST_FILE_BYTES // 2, "large": 10**12}

    def __init__(self) -> None:
        self.read_ones: list[str] = []

    def size_of(self, digest: str) -> int:
        if digest not in self.sizes:
            raise FileMissing(f"There is no artifact {digest}.")
        return self.sizes[digest]

    def read(self, digest: str) -> RunFile:
        self.read_ones.append(digest)
        return RunFile("a.png", "image/png", b"x" * self.size_of(digest))

    def copy(self, digest: str, to: Path) -> None:
        raise NotImplementedError

    def keep(
        self, content: bytes, *, media_type: str, name: str, now: datetime
    ) -> Mapping[str, Any]:
        raise NotImplementedError


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    made = Model('{"team": "cards"}')
    monkeypatch.setattr(language, "_PROVIDERS", {made.name: made})
    monkeypatch.setattr(language, "_LAST", {})
    monkeypatch.setattr(prompts, "_source", Prompts())
    monkeypatch.setattr(files, "_source", Files())
    return made


def run(ctx: StepContext | None = None, **config: Any) -> Any:
    given = {"model": "support", **config}
    return Chat().run(ctx or context(), Chat.Config.model_validate(given))


def fail(**config: Any) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        run(**config)
    return caught.value


def check(**config: Any) -> list[Problem]:
    return list(Chat().check(Step(id="ask", type="llm.chat", config=config)))


# --- The question -----------------------------------------------------------------------------


def test_own_words_and_parameters_are_asked(model: Model) -> None:
    run(system="Be brief.", user="Which team?", temperature=0.2, seed=7, max_tokens=90, stop=["."])
    (asked,) = model.asked
    assert [(each.role, each.text) for each in asked.messages] == [
        ("system", "Be brief."),
        ("user", "Which team?"),
    ]
    assert asked.parameters == {"temperature": 0.2, "seed": 7, "max_tokens": 90, "stop": ["."]}
    assert (asked.flow, asked.idempotency_key) == ("loan", "run-12-5-2-1")
    assert asked.schema is None
    assert asked.timeout_seconds is None


def test_a_prompt_brings_its_schema_and_parameters_and_the_step_has_the_last_word(
    model: Model,
) -> None:
    result = run(prompt="triage", variables={"ticket": "lost card"}, seed=3)
    assert result.provenance["prompt"] == "triage@4"
    assert result.output["answer"] == {"team": "cards"}
    assert model.asked[0].parameters == {"temperature": 0.1, "seed": 3}
    own = {"type": "object"}
    run(prompt="triage", variables={"ticket": "lost card"}, temperature=1, schema=own)
    assert model.asked[1].schema == own
    assert model.asked[1].parameters == {"temperature": 1}


def test_the_prompt_is_the_version_that_the_flow_pins(model: Model) -> None:
    from dataclasses import replace

    pinned = replace(context(), pins={"prompt/triage": 2})
    result = run(pinned, prompt="triage", variables={"ticket": "lost card"})
    assert model.asked[0].messages[0].text == "triage@2: lost card"
    assert result.provenance["prompt"] == "triage@2"


def test_what_a_prompt_or_a_model_does_not_take_is_a_breach(model: Model) -> None:
    failure = fail(prompt="triage", variables={})
    assert (failure.kind, failure.retryable) == ("contract", False)
    assert failure.detail["errors"][0]["field"] == "ticket"
    assert fail(prompt="other").kind == "config"
    model.refuses = "seed"
    failure = fail(user="Which team?", seed=1)
    assert (failure.kind, failure.detail["errors"][0]["field"]) == ("contract", "seed")


def test_a_failed_answer_names_its_prompt_too(model: Model) -> None:
    model.said = ["no JSON"]
    failure = fail(prompt="triage", variables={"ticket": "lost card"})
    assert failure.provenance is not None
    assert failure.provenance["prompt"] == "triage@4"
    assert failure.provenance["repaired"] is True


def test_what_was_paid_is_told_whatever_strikes_then(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = model.chat

    def break_at_the_second(request: ChatRequest) -> ChatAnswer:
        if model.asked:
            raise ValueError("no failure that a provider may raise")
        return answer(request)

    model.said = ["no JSON"]
    monkeypatch.setattr(model, "chat", break_at_the_second)
    failure = fail(prompt="triage", variables={"ticket": "lost card"})
    assert (failure.kind, failure.retryable) == ("exception", True)
    assert failure.message == "ValueError: no failure that a provider may raise"
    assert failure.provenance is not None
    assert (failure.provenance["provider"], failure.provenance["prompt"]) == ("fake", "triage@4")


def test_what_an_agents_turn_has_paid_is_told_too(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: Any) -> Result:
        raise ValueError("the answer is heard")

    monkeypatch.setattr("flows.agents.turn._Turn._react", break_off)
    config = AgentTurn.Config.model_validate(
        {
            "model": "support",
            "messages": [{"role": "user", "text": "Which team?"}],
            "began_at": context().now.isoformat(),
        }
    )
    with pytest.raises(StepFailure, match="the answer is heard") as caught:
        AgentTurn().run(context(), config)
    assert caught.value.provenance is not None
    assert caught.value.provenance["provider"] == "fake"


def test_files_stand_before_the_text_of_the_user(model: Model) -> None:
    for named in ({"artifact": "known", "size": 1}, "known", "artifact:known", "sha256:known"):
        run(user="What is it?", files=[named])
        (message,) = model.asked[-1].messages
        assert [part.media_type for part in message.parts] == ["image/png", ""]
        assert message.text == "What is it?"
    assert fail(user="?", files=["unknown"]).kind == "artifact"
    assert fail(user="?", files=["large"]).kind == "too_large"
    assert fail(user="?", files=[7]).kind == "config"


def test_a_rehearsal_never_asks_with_the_keys_of_a_run(model: Model) -> None:
    config = Chat.Config.model_validate({"model": "support", "user": "Which team?"})
    for _ in range(2):
        Chat().rehearse(context(), config)
    first, second = (each.idempotency_key for each in model.asked)
    assert first.startswith("rehearsal-")
    assert first != second


def test_a_cancelled_run_asks_no_further(model: Model) -> None:
    from dataclasses import replace

    model.said = ["no JSON"]
    ctx = replace(context(), is_cancelled=lambda: bool(model.asked))
    with pytest.raises(StepFailure, match="cancelled"):
        run(ctx, user="Which team?", schema=SCHEMA)
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"prompt": "triage", "user": "Which team?"},
        {"user": "?", "temperature": 3},
        {"user": "?", "confidence": {"how": "judge"}},
        {"user": "?", "confidence": {"how": "field"}},
        {"user": "?", "confidence": {"how": "agreement", "samples": 1}},
        {"user": "?", "schema": "an object"},
    ],
)
def test_a_config_that_makes_no_question_is_refused(config: Any) -> None:
    with pytest.raises(ValidationError):
        Chat.Config.model_validate({"model": "support", **config})


def test_a_schema_that_is_none_is_told_when_it_runs(model: Model) -> None:
    for schema in ({"type": "thing"}, {"$ref": "https://example.com/schema"}):
        assert fail(user="?", schema=schema).kind == "config"
    assert fail(model="other", user="?").kind == "config"


# --- What its author sees ---------------------------------------------------------------------


def test_models_that_it_names_are_those_of_the_step_and_its_judge() -> None:
    judged = {"how": "judge", "judge": "second"}
    named = Chat().list_models({"model": "support", "confidence": judged})
    assert [tuple(each) for each in named] == [
        ("with.model", "support", "language"),
        ("with.confidence.judge", "second", "language"),
    ]
    for config in ({}, {"model": 7, "confidence": "x"}, {"model": "${ input.model }"}):
        assert list(Chat().list_models(config)) == []


def test_the_prompt_that_it_names_is_to_be_pinned(model: Model) -> None:
    assert Chat().list_assets({"prompt": "other"}) == ("prompt/other",)
    assert check(prompt="other") == []
    for config in ({}, {"prompt": 7}, {"prompt": "${ input.prompt }"}):
        assert Chat().list_assets(config) == ()


@pytest.mark.parametrize(
    ("config", "code", "field"),
    [
        ({}, "chat.question", "with.prompt"),
        (
            {"prompt": "triage", "variables": {"ticket": "x"}, "user": "?"},
            "chat.question",
            "with.user",
        ),
        ({"prompt": "triage"}, "prompt.variables", "with.variables"),
        (
            {"prompt": "triage", "variables": {"ticket": 7}},
            "prompt.variables",
            "with.variables.ticket",
        ),
        (
            {"prompt": "triage", "variables": {"ticket": "${ input.x }", "tone": "warm"}},
            "prompt.variables",
            "with.variables",
        ),
        ({"user": "?", "schema": {"type": "thing"}}, "chat.schema", "with.schema"),
        ({"user": "?", "schema": {"$ref": "https://x/y"}}, "chat.schema", "with.schema"),
        ({"user": "?", "confidence": {"how": "judge"}}, "chat.confidence", "with.confidence.judge"),
        ({"user": "?", "confidence": {"how": "field"}}, "chat.confidence", "with.confidence.path"),
        (
            {"user": "?", "schema": SCHEMA, "confidence": {"how": "field", "path": "sure"}},
            "chat.confidence",
            "with.confidence.path",
        ),
        (
            {"user": "?", "temperature": 0, "confidence": {"how": "agreement"}},
            "chat.confidence",
            "with.confidence",
        ),
    ],
)
def test_a_fault_names_its_place_and_a_remedy(
    model: Model, config: Any, code: str, field: str
) -> None:
    (problem,) = check(**config)
    assert (problem.code, problem.field, problem.step) == (code, field, "ask")
    assert problem.remedy


@pytest.mark.parametrize(
    "config",
    [
        {"user": "Which team? ${ input.text }", "schema": SCHEMA},
        {"prompt": "triage", "variables": {"ticket": "${ input.text }", "urgency": "${ input.n }"}},
        {"prompt": "triage", "variables": "${ input }"},
        {"prompt": "${ input.prompt }"},
        {"user": "?", "schema": "${ input.schema }"},
        {"user": "?", "schema": SCHEMA, "confidence": {"how": "field", "path": "team"}},
        {"user": "?", "confidence": "${ input.confidence }"},
    ],
)
def test_a_config_that_may_become_right_has_no_fault(model: Model, config: Any) -> None:
    assert check(**config) == []


def test_a_raw_config_of_any_form_is_no_error_of_ours(model: Model) -> None:
    odd: list[Any] = [None, 7, "", "x", [], {}, True]
    for name in Chat.Config.model_json_schema()["properties"]:
        for value in odd:
            config = {name: value}
            check(**config)
            Chat().describe(config)
            Chat().output_schema(config)
            Chat().list_models(config)


def test_files_that_are_too_large_are_not_read(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Files()
    monkeypatch.setattr(files, "_source", source)
    for given in (["large"], ["half", "half", "known"]):
        with pytest.raises(StepFailure) as failed:
            run(user="?", files=given)
        assert failed.value.kind == "too_large"
    assert source.read_ones == []
    assert model.asked == []


def test_each_file_is_read_once_for_all_models_of_a_route(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Files()
    monkeypatch.setattr(files, "_source", source)
    monkeypatch.setattr(Model, "language_models", lambda self: {"support": "1", "other": "1"})
    run(user="?", files=["known"], routing={"then": ["other"], "unsure_below": 0.5})
    assert source.read_ones == ["known"]
    assert [each.model for each in model.asked] == ["support", "other"]
    assert all(each.messages[-1].parts[0].data == b"x" for each in model.asked)


class Pdfs(Files):
    """Files that have pages: ``known`` is called a PDF, ``half`` only is one."""

    def read(self, digest: str) -> RunFile:
        if digest == "encrypted":
            return RunFile("slip.pdf", "application/pdf", make_pdf(password="secret"))
        media_type = "application/pdf" if digest == "known" else "application/octet-stream"
        return RunFile("slip.pdf", media_type, make_pdf(12))

    def size_of(self, digest: str) -> int:
        return 10_000


def test_pages_of_pdf_files_are_sent_as_images(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_source", Pdfs())
    run(user="?", files=["known", "half"], pages="2-3")
    *images, text = model.asked[-1].messages[0].parts
    assert [(each.media_type, each.name) for each in images] == [
        ("image/jpeg", "slip.pdf, page 2"),
        ("image/jpeg", "slip.pdf, page 3"),
    ] * 2
    assert text.text == "?"
    unreadable = fail(user="?", files=["encrypted"])
    assert (unreadable.kind, unreadable.retryable) == ("unreadable", False)
    assert "slip.pdf: The PDF is encrypted" in unreadable.message
    assert fail(user="?", files=["known"], pages="13").kind == "config"
    many = fail(user="?", files=["known", "half"])
    assert many.kind == "too_large", "pages of all files are counted together"
    assert "at most 20 of all files" in many.message


def test_the_output_has_the_form_of_the_schema() -> None:
    schema = {**SCHEMA, "$defs": {"money": {"type": "number"}}}
    schema["properties"] = {**SCHEMA["properties"], "amount": {"$ref": "#/$defs/money"}}  # type: ignore[dict-item]
    made = Chat().output_schema({"schema": schema})
    texts = {each["text"]: each["detail"] for each in suggest_properties("output", made)}
    assert texts["output.answer.amount"] == "number"
    assert "output.answer.team" in texts
    assert made["$defs"] == schema["$defs"]
    text = Chat().output_schema({"user": "?"})
    assert text["properties"]["answer"] == {"type": "string"}
    assert Chat().output_schema({"prompt": "triage"})["properties"]["answer"] == {}


def test_its_card_names_prompt_and_model() -> None:
    assert Chat().describe({}) == "Choose a model"
    assert Chat().describe({"model": "support"}) == "support"
    assert Chat().describe({"model": "support", "prompt": "triage"}) == "triage · support"


def test_its_destination_is_the_model(model: Model) -> None:
    config = Chat.Config.model_validate({"model": "support", "user": "?"})
    assert Chat().destination(config) == "fake/support"
    unknown = Chat.Config.model_validate({"model": "other", "user": "?"})
    assert Chat().destination(unknown) is None
