"""The conversation of an agent: what was said, which call is next, and what it has used up.

It is the output of the agent's turns, as JSON, so that the journal holds it and a restarted run
goes on from it. Everything here is plain: (conversation, what happened) -> conversation.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows.steps.language import ChatAnswer, Message, Part, ToolCall

Json = Any
MOST_CALLS_A_TURN = 8
FINISH = "finish"
# In characters. A conversation is kept and sent again with each turn, and expressions read it: with
# the calls of one more turn, of any script, it stays within what these may read.
LONGEST_RESULT = 20_000
LONGEST_CALL = 30_000
LONGEST_CONVERSATION = 300_000


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the call with this number: its result, or why there is none.

    ``changed`` are the arguments with which it was made, where a person has changed them.
    """

    number: int
    result: Json = None
    refused: str | None = None
    failed: str | None = None
    changed: Json = None

    @property
    def text(self) -> str:
        """What the model reads, as the answer to its call."""
        if self.refused is not None:
            said = f": {self.refused}" if self.refused else "."
            return f"A person refused this call{said}"
        made = ""
        if self.changed is not None:
            made = f"A person changed the arguments of this call to {to_text(self.changed)}\n"
        if self.failed is not None:
            return cut(f"{made}The call failed: {self.failed}", LONGEST_RESULT)
        return cut(f"{made}{to_text(self.result)}", LONGEST_RESULT)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages so far, calls that wait, and what was used.

    ``call`` is the one that was handed to its step, with its ``number`` in the conversation. It was
    ``asked`` about if its arguments are those that a person left in the fields of a case.
    ``pending`` are those that the model asked for in the same turn and that come after it.
    """

    messages: tuple[Message, ...] = ()
    call: Mapping[str, Json] | None = None
    pending: tuple[ToolCall, ...] = ()
    turns: int = 0
    calls: int = 0
    repairs: int = 0
    tokens: int = 0
    cost: float = 0.0

    def hear(self, answer: ChatAnswer) -> "Conversation":
        """Add a turn of the model. Calls past the most of one turn are answered at once."""
        calls = answer.calls[:MOST_CALLS_A_TURN]
        said = Message("assistant", (Part(answer.text),) if answer.text else (), answer.calls)
        made = answer.provenance
        heard = replace(
            self,
            messages=(*self.messages, said),
            pending=calls,
            turns=self.turns + 1,
            tokens=self.tokens + (made.tokens or 0),
            cost=round(self.cost + (made.cost or 0.0), 6),
        )
        for left_out in answer.calls[MOST_CALLS_A_TURN:]:
            heard = heard.answer(left_out.id, f"Ask for at most {MOST_CALLS_A_TURN} calls at once.")
        return heard

    def answer(self, call_id: str, text: str) -> "Conversation":
        """Add the answer to a call."""
        told = Message("tool", (Part(text),), answers=call_id)
        return replace(self, messages=(*self.messages, told))

    def ask_again(self, text: str) -> "Conversation":
        """Tell the model what is wrong with its answer."""
        told = Message("user", (Part(text),))
        return replace(self, messages=(*self.messages, told), repairs=self.repairs + 1)

    def close_call(self, told: Told | None) -> "Conversation":
        """Answer the call that was handed out. Without word of it, nobody learned its result."""
        if self.call is None:
            return self
        word = told.text if told else "The call was not made."
        return replace(self.answer(str(self.call["id"]), word), call=None)

    def hand_out(self, call: ToolCall, case: Mapping[str, Json] | None = None) -> "Conversation":
        """Hand the first pending call to its step, or to people, who are shown the ``case``."""
        number = self.calls + 1
        handed = {
            "number": number,
            "id": call.id,
            "tool": call.name,
            "arguments": call.arguments,
            "asked": False,
            **(case or {}),
        }
        return replace(self, call=handed, pending=self.pending[1:], calls=number)

    @property
    def length(self) -> int:
        """How many characters the messages have, about."""
        return sum(
            len(each.text) + sum(len(to_text(call.arguments)) for call in each.calls)
            for each in self.messages
        )

    def drop_pending(self) -> "Conversation":
        return replace(self, pending=self.pending[1:])

    def as_json(self) -> dict[str, Json]:
        return {
            "messages": [_message_as_json(each) for each in self.messages],
            "call": dict(self.call) if self.call else None,
            "pending": [_call_as_json(each) for each in self.pending],
            "turns": self.turns,
            "calls": self.calls,
            "repairs": self.repairs,
            "tokens": self.tokens,
            "cost": self.cost,
        }


def read_conversation(kept: Mapping[str, Json]) -> Conversation:
    """Return the conversation that ``as_json`` kept."""
    return Conversation(
        messages=tuple(read_message(each) for each in kept["messages"]),
        call=kept["call"],
        pending=tuple(_read_call(each) for each in kept["pending"]),
        turns=kept["turns"],
        calls=kept["calls"],
        repairs=kept["repairs"],
        tokens=kept["tokens"],
        cost=kept["cost"],
    )


def read_message(kept: Mapping[str, Json]) -> Message:
    text = kept.get("text", "")
    calls = tuple(_read_call(each) for each in kept.get("calls", ()))
    parts = (Part(text),) if text else ()
    return Message(kept["role"], parts, calls, kept.get("answers", ""))


def _message_as_json(message: Message) -> dict[str, Json]:
    kept: dict[str, Json] = {"role": message.role, "text": message.text}
    if message.calls:
        kept["calls"] = [_call_as_json(each) for each in message.calls]
    if message.answers:
        kept["answers"] = message.answers
    return kept


def _call_as_json(call: ToolCall) -> dict[str, Json]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _read_call(kept: Mapping[str, Json]) -> ToolCall:
    # A database keeps fields in an order of its own, and a repeated question must be the same.
    arguments = json.loads(json.dumps(kept["arguments"], sort_keys=True))
    return ToolCall(kept["id"], kept["name"], arguments)


def to_text(value: Json) -> str:
    """Return text as it is, anything else as JSON: the same for the same value."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def cut(text: str, longest: int) -> str:
    """Return the text, or its beginning with how long it was."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}\n[cut here: it has {len(text):,} characters]"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an agent may use. None is no limit of its own."""

    turns: int = 10
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    def find_exceeded(self, talk: Conversation, seconds: float) -> str:
        """Return the name of the first limit that leaves no further turn, or ""."""
        used: Sequence[tuple[str, float, float | None]] = (
            ("turns", talk.turns, self.turns),
            ("tokens", talk.tokens, self.tokens),
            ("cost", talk.cost, self.cost),
            ("seconds", seconds, self.seconds),
            ("length", talk.length, LONGEST_CONVERSATION),
        )
        return next(
            (name for name, so_far, most in used if most is not None and so_far >= most), ""
        )
