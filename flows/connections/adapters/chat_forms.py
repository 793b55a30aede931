"""What the forms of language models' APIs have in common: files, the wish for JSON, reading."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from flows.connections.adapters.contract import AnswerUnfit
from flows.steps.base import Json
from flows.steps.language import Message, Part
from flows.steps.models import InputRefused
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
SHOWN_CHARACTERS = 300
LONGEST_NAME = 200
# Far more than any model takes or gives in one call. A price would make any amount of more.
MOST_TOKENS = 100_000_000
T = TypeVar("T")


def ask_for_schema(schema: Mapping[str, Json]) -> str:
    """Return the words that ask for JSON by a schema, for servers that take no schema."""
    return (
        "Answer with one JSON value and nothing else: no explanation, no Markdown. "
        f"It must fit this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"
    )


def join_system(messages: Sequence[Message], *more: str) -> str:
    """Return the text of all system messages, and more, as paragraphs."""
    texts = [message.text for message in messages if message.role == "system"]
    return "\n\n".join(text for text in (*texts, *more) if text)


def encode(part: Part) -> str:
    return base64.b64encode(part.data).decode("ascii")


def refuse_file(part: Part, remedy: str) -> InputRefused:
    name = part.name or "a file"
    return InputRefused("files", f"{name} is {part.media_type or 'of no known type'}. {remedy}")


# --- Reading ----------------------------------------------------------------------------------


def take(body: Json, path: str, kind: type[T]) -> T:
    """Return what stands at a dotted path. Raises: AnswerUnfit if it is not there, or no ``kind``.

    An error that a server sends with status 200 is told in its own words.
    """
    value = body
    for key in path.split("."):
        if key.isdecimal():
            listed = value if isinstance(value, list) else []
            value = listed[int(key)] if int(key) < len(listed) else None
        else:
            value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, kind):
        return value
    if told := read_error(body):
        raise AnswerUnfit("error", f"the server answered with an error: {told}")
    found = "missing" if value is None else f"{type(value).__name__}, not {kind.__name__}"
    raise AnswerUnfit(path, f"`{path}` is {found}")


def read_error(body: Json) -> str:
    """Return what an error's body says, "" if it is none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("type")
    return error[:SHOWN_CHARACTERS] if isinstance(error, str) else ""


def read_text(content: Json) -> str:
    """Return the text of a message's content: text itself, or blocks some of which are text.

    Raises: AnswerUnfit.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list | None):
        raise AnswerUnfit("content", f"`content` is {type(content).__name__}, not text")
    texts = [block.get("text") for block in content or () if isinstance(block, Mapping)]
    return "".join(text for text in texts if isinstance(text, str))


def read_count(usage: Any, *names: str) -> int | None:
    """Return the sum of the named counts, None if the server says none of them.

    What is below zero is none: it would take something off the price.
    Raises: AnswerUnfit for a count that no call can have.
    """
    if not isinstance(usage, Mapping):
        return None
    counts = {name: usage.get(name) for name in names}
    found = {name: each for name, each in counts.items() if type(each) is int and each >= 0}
    for name, count in found.items():
        if count > MOST_TOKENS:
            raise AnswerUnfit(
                f"usage.{name}", f"says more than {MOST_TOKENS:,} tokens, which no call has"
            )
    return sum(found.values()) if found else None


def read_arguments(written: Json) -> Json:
    """Return the arguments of a tool call as JSON; as they were written if they are none."""
    if not isinstance(written, str):
        return written
    try:
        return read_json(written) if written.strip() else {}
    except ValueRefused:
        return written


def as_name(value: Json) -> str:
    """Return a name that the server gives, which goes into the provenance: "" for anything else."""
    return value[:LONGEST_NAME] if isinstance(value, str) else ""


def as_text(value: Json) -> str:
    return value if isinstance(value, str) else ""
