"""Answers in the forms of the two APIs."""

import hashlib
import json
import math
import re
from typing import Any

from tests.language_server.asked import ANSWER_TOOL, Asked
from tests.language_server.scripts import Turn
from tests.language_server.values import make_value

VERSION = "tests-1"
_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")
_ANTHROPIC_FINISHES = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def write_text(asked: Asked, turn: Turn) -> str:
    """Return the words of an answer."""
    if turn.text is not None:
        return turn.text
    if turn.json is not None:
        return json.dumps(turn.json, ensure_ascii=False)
    if turn.calls or turn.refusal:
        return ""
    if asked.schema is not None:
        return json.dumps(make_value(asked.schema, asked.seed))
    return f"You have said {len(asked.words.split())} words."


def make_openai(asked: Asked, turn: Turn) -> Any:
    text = write_text(asked, turn)
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if turn.refusal:
        message["refusal"] = turn.refusal
    if turn.calls:
        message["tool_calls"] = [
            {
                "id": f"call-{asked.turns}-{at}",
                "type": "function",
                "function": {"name": name, "arguments": _write(arguments)},
            }
            for at, (name, arguments) in enumerate(turn.calls)
        ]
    finish = turn.finish or ("tool_calls" if turn.calls else "stop")
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    if asked.logprobs:
        choice["logprobs"] = {"content": [_weigh(token, turn) for token in split(text)]}
    given, made = count(asked.words), count(text)
    return {
        "id": f"chatcmpl-{_digest(asked)}",
        "object": "chat.completion",
        "created": 0,
        "model": f"{asked.model}-{VERSION}",
        "choices": [choice],
        "usage": {
            "prompt_tokens": given,
            "completion_tokens": made,
            "total_tokens": given + made,
        },
    }


def make_anthropic(asked: Asked, turn: Turn) -> Any:
    text = turn.refusal or write_text(asked, turn)
    calls = [*turn.calls]
    if asked.by_tool and not calls and not turn.refusal and not turn.prose and text:
        calls, text = [(ANSWER_TOOL, _read(text))], ""
    blocks: list[Any] = [{"type": "text", "text": text}] if text else []
    blocks += [
        {"type": "tool_use", "id": f"toolu-{asked.turns}-{at}", "name": name, "input": arguments}
        for at, (name, arguments) in enumerate(calls)
    ]
    finish = "refusal" if turn.refusal else turn.finish or ("tool_calls" if calls else "stop")
    return {
        "id": f"msg-{_digest(asked)}",
        "type": "message",
        "role": "assistant",
        "model": f"{asked.model}-{VERSION}",
        "content": blocks,
        "stop_reason": _ANTHROPIC_FINISHES.get(finish, finish),
        "stop_sequence": None,
        "usage": {"input_tokens": count(asked.words), "output_tokens": count(text) or len(calls)},
    }


def split(text: str) -> list[str]:
    """Return the text in pieces, as a tokenizer might."""
    return _TOKEN.findall(text)


def count(text: str) -> int:
    return len(split(text))


def _weigh(token: str, turn: Turn) -> Any:
    named = [chance for word, chance in turn.chances.items() if word in token]
    chance = named[0] if named else turn.probability
    return {"token": token, "logprob": math.log(chance), "bytes": list(token.encode())}


def _digest(asked: Asked) -> str:
    return hashlib.sha256(asked.seed.encode()).hexdigest()[:12]


def _write(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"written": text}
