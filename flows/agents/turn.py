"""The step type `agent.turn`: one turn of an agent's model, or the next call that it asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import Field

from flows.agents.config import LimitsConfig
from flows.agents.conversation import (
    FINISH,
    LONGEST_CALL,
    Conversation,
    Limits,
    Told,
    read_conversation,
    read_message,
    to_text,
)
from flows.agents.showing import fits_fields, show_call, title_call
from flows.engine import events
from flows.expressions import ExpressionError, compile_expression
from flows.models import Journal
from flows.policies.points import TOOL_CALL, judge_step
from flows.steps.asking import UseRefused, destination_of, limit_of
from flows.steps.base import (
    BUDGET,
    Cel,
    DestinationLimit,
    Json,
    ModelUse,
    Result,
    StepConfig,
    StepContext,
    as_failure,
    text_of,
)
from flows.steps.functions import UnknownFunction
from flows.steps.language import ChatAnswer, Message, Tool, ToolCall
from flows.steps.models import UnknownModel, read_provenance
from flows.steps.questions import (
    Asker,
    Exchange,
    LanguageStep,
    Question,
    Unfit,
    check_end,
    find_provider_of,
)
from flows.steps.registry import register
from flows.steps.structured import Fault, make_schema_validator, read_structured

MOST_REPAIRS = 3
MOST_FAULTS = 10


class OfferedTool(StepConfig):
    name: str
    description: str
    arguments: dict[str, Json] = Field(default_factory=dict, alias="schema")
    ask: str = "never"
    when: Cel = ""


@register
class AgentTurn(LanguageStep):
    name = "agent.turn"
    title = "Agent's turn"
    summary = "Asks an agent's model what to do next"
    icon = "bot"
    category = "Models"
    part_of = "agent.run"

    class Config(StepConfig):
        model: str
        messages: list[dict[str, Json]]
        tools: list[OfferedTool] = Field(default_factory=list)
        result: dict[str, Json] = Field(default_factory=dict)
        limits: LimitsConfig = Field(default_factory=LimitsConfig)
        began_at: str
        kept: dict[str, Json] | None = None
        told: list[dict[str, Json] | None] = Field(default_factory=list)
        temperature: float | None = None
        max_tokens: int | None = None

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return ("finished", "again", "exhausted", *_list_tool_ports(config))

    def optional_ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return (BUDGET,)

    def list_models(self, config: Mapping[str, Json]) -> Sequence[ModelUse]:
        name = text_of(config.get("model"))
        return (ModelUse("with.model", name, "language"),) if name else ()

    def describe(self, config: Mapping[str, Json]) -> str:
        return text_of(config.get("model")) or "Choose a model"

    def destination(self, config: Config) -> str | None:
        try:
            return destination_of(find_provider_of(config.model), config.model)
        except (UnknownModel, UnknownFunction, UseRefused):
            return None

    def destination_limit(self, config: Config) -> DestinationLimit | None:
        try:
            return limit_of(find_provider_of(config.model), config.model)
        except (UnknownModel, UnknownFunction, UseRefused):
            return None

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Return what the agent does next, by the port of the tool that it calls.

        Asks the model at most once, so that a turn that is on disk is never paid for again.
        """
        return _Turn(ctx, config).take()

    def rehearse(self, ctx: StepContext, config: Config) -> Result:
        # A recorded run that is played again began long ago: its time says nothing.
        limits = config.limits.model_copy(update={"seconds": None})
        return self.run(ctx, config.model_copy(update={"limits": limits}))

    def tell_exchange(
        self, config: Config, pins: Mapping[str, int], output: Json, made: Mapping[str, Json]
    ) -> Exchange | None:
        talk = read_conversation(output)
        if not made.get("model"):
            return None  # It handed out a call that an earlier turn asked for.
        at = max((n for n, each in enumerate(talk.messages) if each.role == "assistant"), default=0)
        said = talk.messages[at]
        finish = str(made.get("finish_reason") or "stop")
        answer = ChatAnswer(said.text, said.calls, finish, read_provenance(made))
        question = _make_question(config, talk.messages[:at])
        return Exchange(question, str(talk.turns), answer)


def _list_tool_ports(config: Mapping[str, Json]) -> list[str]:
    tools = config.get("tools")
    ports: list[str] = []
    for tool in tools if isinstance(tools, list) else []:
        if not isinstance(tool, Mapping):
            continue
        name, ask = text_of(tool.get("name")), tool.get("ask", "never")
        ports += [name] if ask != "always" else []
        ports += [f"ask_{name}"] if ask != "never" else []
    return ports


class _Turn:
    def __init__(self, ctx: StepContext, config: AgentTurn.Config) -> None:
        self.ctx, self.config = ctx, config
        self.tools = {tool.name: tool for tool in config.tools}
        self.asker = Asker(ctx, f"{ctx.idempotency_key}-turn")

    def take(self) -> Result:
        talk = self._begin()
        if talk.pending:
            return self._hand_out_next(talk)
        if exceeded := self._find_exceeded(talk):
            return self._leave(talk, "exhausted", ended=exceeded)
        try:
            answer = self._ask(talk)
            return self._react(talk.hear(answer), answer)
        except Exception as error:
            failure = as_failure(error)
            failure.provenance = failure.provenance or self.asker.sum_up()
            raise failure from failure.__cause__

    def _begin(self) -> Conversation:
        """Return the conversation so far, with what became of the last call."""
        if self.config.kept is None:
            return Conversation(tuple(read_message(each) for each in self.config.messages))
        talk = read_conversation(self.config.kept)
        return talk.close_call(self._find_told(talk)) if talk.call else talk

    def _find_told(self, talk: Conversation) -> Told | None:
        assert talk.call is not None
        number = talk.call["number"]
        said = next((each for each in self.config.told if each and each["number"] == number), None)
        if said is None:
            return None
        given = talk.call["arguments"]
        changed = said["arguments"] if said.get("arguments", given) != given else None
        if "failed" in said:
            failed = find_failure(self.ctx.run_id, str(said["failed"]))
            return Told(number, failed=failed, changed=changed)
        refused = said.get("refused")
        word = None if refused is None else str(refused)
        return Told(number, said.get("result"), word, changed=changed)

    def _find_exceeded(self, talk: Conversation) -> str:
        limits = self.config.limits
        began = datetime.fromisoformat(self.config.began_at)
        seconds = (self.ctx.now - began).total_seconds()
        most = Limits(limits.turns, limits.tokens, limits.cost, limits.seconds)
        return most.find_exceeded(talk, seconds)

    # --- Asking -------------------------------------------------------------------------

    def _ask(self, talk: Conversation) -> ChatAnswer:
        question = _make_question(self.config, talk.messages)
        answer = self.asker.ask(question, str(talk.turns + 1))
        if not answer.calls or answer.finish in {"length", "refused"}:
            # Half a call must not be made.
            check_end(replace(answer, calls=()), question)
        return answer

    def _react(self, talk: Conversation, answer: ChatAnswer) -> Result:
        if answer.calls:
            return self._hand_out_next(talk)
        if not self.config.result:
            return self._leave(talk, "finished", result=answer.text)
        read = read_structured(answer.text, make_schema_validator(self.config.result))
        if not read.faults:
            return self._leave(talk, "finished", result=read.value)
        if talk.repairs >= MOST_REPAIRS:
            raise Unfit(
                f"The result of the model {self.config.model} does not fit the schema, after "
                f"{MOST_REPAIRS} repairs: {_list_faults(read.faults)}",
                kind="contract",
            )
        wish = f"The result does not fit:\n{_list_faults(read.faults)}\nCorrect it."
        return self._leave(talk.ask_again(wish), "again")

    # --- Handing out calls --------------------------------------------------------------

    def _hand_out_next(self, talk: Conversation) -> Result:
        """Leave by the first pending call that can be made; the others are answered here."""
        while talk.pending:
            call = _read_arguments(talk.pending[0])
            fault = self._find_fault(call) or self._find_refusal(call)
            if fault:
                talk = talk.drop_pending().answer(call.id, fault)
            elif call.name == FINISH:
                return self._leave(talk, "finished", result=call.arguments)
            else:
                return self._hand_out(talk, call)
        return self._leave(talk, "again")

    def _find_fault(self, call: ToolCall) -> str:
        """Return why the call cannot be made, "" if it can."""
        if call.name == FINISH and self.config.result:
            schema: Mapping[str, Json] = self.config.result
        elif call.name in self.tools:
            schema = self.tools[call.name].arguments
        else:
            known = ", ".join([*self.tools, *([FINISH] if self.config.result else [])]) or "none"
            return f"There is no tool {call.name!r}. Use one of: {known}."
        if not isinstance(call.arguments, Mapping) and call.name != FINISH:
            return "The arguments are not a JSON object. Write them as the tool's schema says."
        length = len(to_text(call.arguments))
        if length > LONGEST_CALL and call.name != FINISH:
            return f"The arguments have {length:,} characters; at most {LONGEST_CALL:,} may be."
        faults = make_schema_validator(schema).iter_errors(call.arguments)[:MOST_FAULTS]
        listed = "\n".join(f"- {_name(each.instance_path)}: {each.message}" for each in faults)
        return f"The arguments do not fit:\n{listed}" if faults else ""

    def _find_refusal(self, call: ToolCall) -> str:
        """Return why a policy refuses the call, "" if none does. The model is told."""
        if call.name == FINISH:
            return ""
        told = {"tool": call.name, "arguments": call.arguments, "model": self.config.model}
        verdict = judge_step(TOOL_CALL, **told)
        return f"This call is not allowed. {verdict.refusal}" if not verdict.allowed else ""

    def _hand_out(self, talk: Conversation, call: ToolCall) -> Result:
        tool = self.tools[call.name]
        if not self._needs_person(tool, call.arguments):
            return self._leave(talk.hand_out(call), tool.name)
        shown = show_call(self.config.messages, talk, tool.arguments, call)
        case = {"title": title_call(call), "shown": shown, "asked": fits_fields(call)}
        return self._leave(talk.hand_out(call, case), f"ask_{tool.name}")

    def _needs_person(self, tool: OfferedTool, arguments: Json) -> bool:
        if tool.ask != "when":
            return tool.ask == "always"
        try:
            return bool(
                compile_expression(tool.when, result=bool).evaluate(
                    {**self.ctx.bindings, "item": arguments}
                )
            )
        except ExpressionError:
            # An argument that the condition reads is missing: people decide.
            return True

    def _leave(
        self, talk: Conversation, port: str, *, result: Json = None, ended: str = ""
    ) -> Result:
        output = {**talk.as_json(), "result": result, "ended": ended}
        if port == "finished":
            output["pending"] = []
        return Result(output, port, provenance=self.asker.sum_up() or None)


def _make_question(config: AgentTurn.Config, messages: Sequence[Message]) -> Question:
    parameters = {"temperature": config.temperature, "max_tokens": config.max_tokens}
    offered = [Tool(tool.name, tool.description, tool.arguments) for tool in config.tools]
    if config.result:
        offered.append(Tool(FINISH, "End with the result.", config.result))
    return Question(
        model=config.model,
        messages=messages,
        tools=offered,
        parameters={name: each for name, each in parameters.items() if each is not None},
    )


def find_failure(run_id: int, step: str) -> str:
    """Return the message of a step's newest failure in a run: one query."""
    rows = Journal.objects.filter(run_id=run_id, step=step, kind=events.STEP_FAILED)
    data: Any = rows.order_by("-seq").values_list("data", flat=True).first()
    return str((data or {}).get("message", "no reason is known"))


def _read_arguments(call: ToolCall) -> ToolCall:
    """Return the call with its arguments read, where the server passes them on as text."""
    if not isinstance(call.arguments, str):
        return call
    read = read_structured(call.arguments or "{}", make_schema_validator({}))
    return call if read.faults else replace(call, arguments=read.value)


def _name(path: Sequence[Any]) -> str:
    return ".".join(str(part) for part in path) or "the arguments"


def _list_faults(faults: Sequence[Fault]) -> str:
    return "\n".join(f"- {each.field or 'the result'}: {each.message}" for each in faults)
