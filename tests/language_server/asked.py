"""What a request asks, whichever API it is for."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

ANSWER_TOOL = "give_answer"


@dataclass(frozen=True, slots=True)
class Asked:
    """The words, how often the model has spoken, and what is wished for."""

    model: str
    words: str
    turns: int
    schema: Any = None
    by_tool: bool = False
    logprobs: bool = False

    @property
    def seed(self) -> str:
        """A text that is the same for the same conversation."""
        return f"{self.turns}:{self.words}"


def read_openai(body: Any) -> Asked:
    wanted = body.get("response_format") or {}
    messages = body["messages"]
    return Asked(
        model=body["model"],
        words="\n".join(_list_words(messages)) + f"\n{body.get('seed', '')}",
        turns=sum(each["role"] == "assistant" for each in messages),
        schema=(wanted.get("json_schema") or {}).get("schema"),
        logprobs=bool(body.get("logprobs")),
    )


def read_anthropic(body: Any) -> Asked:
    if "max_tokens" not in body:
        raise ValueError("max_tokens: Field required")
    messages = body["messages"]
    roles = [each["role"] for each in messages]
    if roles[:1] != ["user"] or any(a == b for a, b in pairwise(roles)):
        raise ValueError("messages: roles must alternate, and the first is the user")
    answer = [tool for tool in body.get("tools", ()) if tool["name"] == ANSWER_TOOL]
    return Asked(
        model=body["model"],
        words="\n".join([body.get("system", ""), *_list_words(messages)]),
        turns=roles.count("assistant"),
        schema=answer[0]["input_schema"] if answer else None,
        by_tool=bool(answer),
    )


def _list_words(value: Any) -> Iterator[str]:
    """Yield the texts that people and models have written, without the files' bytes."""
    if isinstance(value, list):
        for each in value:
            yield from _list_words(each)
    elif isinstance(value, dict):
        for key in ("content", "text"):
            if isinstance(value.get(key), str):
                yield value[key]
        yield from _list_words(value.get("content"))
