"""A stand-in for the model that reads documents: it finds each field beside its label.

It is asked as a language model is, with the fields and the numbered lines of a document, and
answers with values and the lines they stand in. So a flow with ``document.extract`` runs at once;
replace it by a connection for real work.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.steps.language import ChatAnswer, ChatRequest, TokenChance
from flows.steps.models import Provenance, UnknownModel

Json = Any
NAME = "field-reader"
VERSION = "1"
# What it says of a value beside its label; divided by the number of different ones.
LABELLED = 0.96
_FIELD = re.compile(r"- (\w+): (.+) \(([a-z ]+)\)(?:\. (.*))?")
_QUOTED = re.compile(r"“(.+?)”")
_LINE = re.compile(r"(\d+): (.*)")
# What a value looks like, in the rest of its label's line. The last match is taken of an amount.
_FORMS = {
    "amount": r"-?\d[\d.,']*",
    "date": r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4}",
    "letters and digits": r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4})+|[A-Z0-9/-]*\d[A-Z0-9/-]*",
    "text": r"\S.*",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A field: its labels are its name and what its hint has in quotes."""

    key: str
    labels: tuple[str, ...]
    kind: str


class FieldReader:
    """Serves the model ``field-reader``."""

    name = "field-reader"

    def language_models(self) -> Mapping[str, str]:
        return {NAME: VERSION}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        if request.model != NAME:
            raise UnknownModel(f"There is no model {request.model!r} here. Use {NAME}.")
        began = time.perf_counter()
        asked = [each.text for each in request.messages if each.role == "user"]
        tokens = tuple(_write_answer(*_read_question(asked[-1] if asked else "")))
        provenance = Provenance(
            provider=self.name,
            model=NAME,
            version=VERSION,
            parameters=dict(request.parameters),
            latency_ms=round((time.perf_counter() - began) * 1000, 3),
        )
        return ChatAnswer("".join(t.text for t in tokens), (), "stop", provenance, tokens)


def _read_question(text: str) -> tuple[list[Wanted], list[tuple[int, str]]]:
    """Return the fields and the numbered lines."""
    fields, _, rest = text.partition("\n\nLines:\n")
    wanted = [
        Wanted(found[1], (found[2], *_QUOTED.findall(found[4] or "")), found[3])
        for found in map(_FIELD.fullmatch, fields.splitlines())
        if found
    ]
    lines = [
        (int(found[1]), found[2]) for found in map(_LINE.fullmatch, rest.splitlines()) if found
    ]
    return wanted, lines


def _write_answer(
    wanted: Sequence[Wanted], lines: Sequence[tuple[int, str]]
) -> Iterator[TokenChance]:
    """Yield the parts of a JSON object; each value's part has the probability of the value."""
    yield TokenChance("{", 1.0)
    for at, field in enumerate(wanted):
        found = list(_find(field, lines))
        value, number = found[0] if found else (None, 0)
        different = len({value for value, _ in found}) or 1
        answer = {"value": value, "lines": [number] if found else []}
        yield TokenChance(f"{', ' if at else ''}{json.dumps(field.key)}: ", 1.0)
        yield TokenChance(json.dumps(answer, ensure_ascii=False), round(LABELLED / different, 4))
    yield TokenChance("}", 1.0)


def _find(field: Wanted, lines: Sequence[tuple[int, str]]) -> Iterator[tuple[str, int]]:
    form = re.compile(_FORMS.get(field.kind, _FORMS["text"]))
    for number, line in lines:
        for label in field.labels:
            begins = re.search(rf"\b{re.escape(label)}\b", line, re.IGNORECASE)
            found = form.findall(line[begins.end() :]) if begins else []
            if found:
                taken = found[-1] if field.kind == "amount" else found[0]
                yield taken.strip(" .,:"), number
                break
