"""A small language model for the examples: it answers as the most alike example in the prompt.

It needs no server, no weights and no network, so that a flow with a prompt runs at once. It knows
nothing beyond the turns that it is shown: replace it by a connection for real work.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from examples.language.similarity import Likeness
from flows.steps.language import ChatAnswer, ChatRequest, Message, TokenChance
from flows.steps.models import Provenance, UnknownModel

NAME = "nearest-example"
VERSION = "1"


class NearestExample:
    """Serves the model ``nearest-example``."""

    name = "examples"

    def language_models(self) -> Mapping[str, str]:
        return {NAME: VERSION}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        """Return the answer of the example that is most like the question.

        Its probability is the answer's share of the likeness to all examples, squared so that one
        close example outweighs many remote ones.
        """
        if request.model != NAME:
            raise UnknownModel(f"There is no model {request.model!r} here. Use {NAME}.")
        began = time.perf_counter()
        examples, question = _read_turns(request.messages)
        text, probability = _choose(examples, question)
        provenance = Provenance(
            provider=self.name,
            model=NAME,
            version=VERSION,
            parameters=dict(request.parameters),
            latency_ms=round((time.perf_counter() - began) * 1000, 3),
        )
        return ChatAnswer(text, (), "stop", provenance, (TokenChance(text, probability),))


def _read_turns(messages: Sequence[Message]) -> tuple[list[tuple[str, str]], str]:
    """Return the examples, as question and answer, and the question that has no answer yet."""
    turns = [each for each in messages if each.role in {"user", "assistant"}]
    examples = [
        (asked.text, given.text)
        for asked, given in pairwise(turns)
        if asked.role == "user" and given.role == "assistant"
    ]
    asked = [each.text for each in turns if each.role == "user"]
    return examples, asked[-1] if asked else ""


def _choose(examples: Sequence[tuple[str, str]], question: str) -> tuple[str, float]:
    if not examples:
        return "", 0.0
    shares: defaultdict[str, float] = defaultdict(float)
    alike = Likeness([asked for asked, _ in examples]).compare(question)
    for (_, answer), likeness in zip(examples, alike, strict=True):
        shares[answer] += likeness**2
    total = sum(shares.values())
    best = max(shares, key=lambda answer: shares[answer])
    return best, round(shares[best] / total, 6) if total else 0.0
