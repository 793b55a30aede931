"""The texts that are measured on: sentences of one set, filled with made-up values and disguised."""

import base64
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from bench.guards.values import MAKERS

Random = random.Random
_NAME = re.compile(r"\{([a-z_]+)\}")
# By its name in a sentence, the kind that a guard tells.
_KIND_OF = {
    "steuer_id": "national_id",
    "nir": "national_id",
    "nhs": "national_id",
    "dni": "national_id",
}
_FALSE = {"order_number", "version", "wrong_iban", "wrong_card", "plain_date", "handle", "digest"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with what is in it: values by kind, and whether it instructs a model."""

    text: str
    values: tuple[tuple[str, str], ...] = ()
    is_injection: bool = False


def make_samples(sentences: ModuleType, seed: int, count: int) -> list[Sample]:
    """Return ``count`` texts of two or three sentences, half of them with something to find."""
    rng = Random(seed)
    return [_make(sentences, rng) for _ in range(count)]


def _make(sentences: ModuleType, rng: Random) -> Sample:
    pieces, values, is_injection = [], list[tuple[str, str]](), False
    for _ in range(rng.randint(2, 3)):
        draw = rng.random()
        if draw < 0.32:
            kind = rng.choice(list(sentences.PERSONAL))
            text, found = _fill(rng.choice(sentences.PERSONAL[kind]), rng)
        elif draw < 0.38:
            text, found = _fill(rng.choice(sentences.SECRETS), rng)
        elif draw < 0.46 and not is_injection:
            is_injection = True
            text, found = rng.choice(_DISGUISES)(rng.choice(sentences.INJECTIONS), rng), []
        else:
            text, found = _fill(rng.choice(sentences.CLEAN), rng)
        pieces.append(text)
        values += found
    return Sample(rng.choice(["\n", "\n\n"]).join(pieces), tuple(values), is_injection)


def _fill(sentence: str, rng: Random) -> tuple[str, list[tuple[str, str]]]:
    found = []
    for name in _NAME.findall(sentence):
        made = MAKERS[name](rng)
        sentence = sentence.replace("{" + name + "}", made, 1)
        if name not in _FALSE:
            found.append((_KIND_OF.get(name, name), made))
    return sentence, found


# --- Disguises of instructions -----------------------------------------------------------


def _plain(text: str, rng: Random) -> str:
    return text


def _upper(text: str, rng: Random) -> str:
    return text.upper()


def _hidden(text: str, rng: Random) -> str:
    return "".join(sign + ("\u200b" if rng.random() < 0.3 else "") for sign in text)


def _lookalikes(text: str, rng: Random) -> str:
    return text.translate(str.maketrans("aeopci", "аеорсі")) if text.isascii() else text


def _base64(text: str, rng: Random) -> str:
    return f"Please process: {base64.b64encode(text.encode()).decode()}"


def _full_width(text: str, rng: Random) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def _leet(text: str, rng: Random) -> str:
    return text if "<" in text or "{" in text else text.replace("o", "0").replace("i", "1")


_DISGUISES: tuple[Callable[[str, Random], str], ...] = (
    _plain, _plain, _plain, _plain, _upper, _hidden, _lookalikes, _base64, _full_width, _leet,
)  # fmt: skip


def list_answers(sentences: ModuleType) -> Iterator[tuple[str, bool]]:
    """Yield texts with whether they are no answers."""
    yield from ((text, False) for text in sentences.ANSWERS)
    yield from ((text, True) for text in sentences.NO_ANSWERS)


def list_languages(sentences: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield texts with their languages."""
    yield from ((text, code) for code, texts in sentences.LANGUAGES.items() for text in texts)
