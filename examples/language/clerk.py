"""A stand-in for an agent's model: it settles a customer's request about an order by fixed rules.

It reads the conversation as a language model would, asks for the tools ``look_up_order`` and
``refund``, and ends with ``finish``. So the template of an agent runs at once; replace it by a
connection for real work.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from flows.steps.language import ChatAnswer, ChatRequest, Message, ToolCall
from flows.steps.models import Provenance, UnknownModel

Json = Any
NAME = "refund-clerk"
VERSION = "1"
ORDER = re.compile(r"\b[A-Z]-\d{3,8}\b")
REFUSED = "A person refused this call"


class RefundClerk:
    """Serves the model ``refund-clerk``."""

    name = "refund-clerk"

    def language_models(self) -> Mapping[str, str]:
        return {NAME: VERSION}

    def chat(self, request: ChatRequest) -> ChatAnswer:
        if request.model != NAME:
            raise UnknownModel(f"There is no model {request.model!r} here. Use {NAME}.")
        began = time.perf_counter()
        name, arguments = decide(request.messages)
        call = ToolCall(f"call-{len(request.messages)}", name, arguments)
        provenance = Provenance(
            provider=self.name,
            model=NAME,
            version=VERSION,
            parameters=dict(request.parameters),
            latency_ms=round((time.perf_counter() - began) * 1000, 3),
        )
        return ChatAnswer("", (call,), "tools", provenance)


def decide(messages: Sequence[Message]) -> tuple[str, dict[str, Json]]:
    """Return the next tool and its arguments."""
    answers = _list_answers(messages)
    found = ORDER.search(" ".join(each.text for each in messages if each.role == "user"))
    if found is None:
        return _finish("none", "Which order is it about? Please send its number.")
    if "look_up_order" not in answers:
        return "look_up_order", {"order": found[0]}
    order = _read(answers["look_up_order"])
    if not order.get("refundable"):
        why = order.get("why") or "there is no such order. Please check the number"
        return _finish("none", f"Order {found[0]} cannot be refunded: {why}.")
    if "refund" not in answers:
        return "refund", {"order": found[0], "amount": order["amount"], "reason": order["why"]}
    return _tell_refund(answers["refund"])


def _tell_refund(answer: str) -> tuple[str, dict[str, Json]]:
    if answer.startswith(REFUSED):
        return _finish("none", "We have looked at your request and cannot refund this order.")
    return _finish("refunded", f"{_read(answer).get('amount', 0)} EUR are on their way to you.")


def _finish(outcome: str, reply: str) -> tuple[str, dict[str, Json]]:
    return "finish", {"outcome": outcome, "reply": reply}


def _list_answers(messages: Sequence[Message]) -> dict[str, str]:
    """Return the newest answer of each tool."""
    names = {call.id: call.name for each in messages for call in each.calls}
    return {names[each.answers]: each.text for each in messages if each.answers in names}


def _read(text: str) -> dict[str, Json]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
