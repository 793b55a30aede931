"""Serve the models of connections to the steps that ask for them."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, cast

from flows.connections.adapters.contract import (
    AnswerUnfit,
    BatchingAdapter,
    ChatAdapter,
    ChatReply,
    ModelAdapter,
    ModelReply,
    find_adapter,
)
from flows.connections.exchange import Exchange, open_exchange, read_body
from flows.connections.known import KNOWN, KnownConnection
from flows.connections.rating import RATES
from flows.resilience.guarding import guarding
from flows.runtime.held import get_claim
from flows.spending.limits import BudgetReached, check_budgets, find_reached
from flows.steps.asking import UseRefused
from flows.steps.base import DestinationLimit, StepFailure
from flows.steps.language import ChatAnswer, ChatRequest
from flows.steps.models import (
    Inference,
    InferenceRequest,
    InputRefused,
    Outcome,
    Provenance,
    Reason,
    UnknownModel,
    make_batch_key,
    share_provenance,
)
from flows.steps.routing import Figures
from workbench.secrets.uses import connection_use

Json = Any


class ConnectionProvider:
    """Serves every enabled connection by its name: as a model, as a language model, or as both."""

    name = "connection"

    def models(self) -> Mapping[str, str]:
        return _list_served(lambda known: known.serves_models)

    def language_models(self) -> Mapping[str, str]:
        return _list_served(lambda known: known.serves_language)

    def destination_of(self, model: str) -> str:
        return connection_use(model)

    def limit_of(self, model: str) -> DestinationLimit | None:
        known = KNOWN.find(model)
        if known is None or not (known.row.concurrency or known.row.per_second):
            return None
        return DestinationLimit(known.row.concurrency, known.row.per_second)

    def check_use(self, model: str, flow: str) -> None:
        known = KNOWN.find(model)
        if known is not None and not known.row.may_be_used_by(flow):
            raise UseRefused(
                "connection.not_for_this_flow",
                f"The flow {flow or 'without a name'} may not use the connection {model}.",
                "An administrator can add the flow to those that may use it.",
            )

    def figures_of(self, model: str) -> Figures:
        return RATES.figures_of(model)

    def revision_of(self, model: str) -> str:
        known = KNOWN.find(model)
        return "" if known is None else f"{known.row.pk}.{known.row.revision}"

    def explain_absence(self, model: str) -> UseRefused | None:
        known = KNOWN.find(model)
        if known is None:
            return None
        if not known.row.enabled:
            return UseRefused(
                "connection.disabled",
                f"The connection {model} is turned off.",
                "An administrator can turn it on.",
            )
        other = "`llm.chat`" if known.serves_language else "`model.infer`"
        return UseRefused(
            "connection.other_kind",
            f"The connection {model} is of the kind {known.row.kind}, which this step cannot ask.",
            f"Ask it by {other}."
            if known.serves_language or known.serves_models
            else "Install the package that offers that kind.",
        )

    def infer(self, request: InferenceRequest) -> Inference:
        """Return the model's answer.

        Raises: UnknownModel, UseRefused, InputRefused, StepFailure.
        """
        known = self._find_enabled(request.model)
        with self._permitting(request):
            return infer_by(known, request)

    def takes_many(self, model: str) -> bool:
        known = KNOWN.find(model)
        return known is not None and hasattr(find_adapter(known.row.kind), "make_batch_call")

    def infer_many(self, requests: Sequence[InferenceRequest]) -> Sequence[Outcome]:
        """Return an answer for each request, or why it alone has none.

        Raises: UnknownModel, UseRefused, InputRefused, StepFailure.
        """
        known = self._find_enabled(requests[0].model)
        refused = self._find_refusals(requests)
        asked = [each for at, each in enumerate(requests) if at not in refused]
        given = iter(infer_many_by(known, asked) if asked else ())
        return [refused[at] if at in refused else next(given) for at in range(len(requests))]

    def _find_refusals(self, requests: Sequence[InferenceRequest]) -> dict[int, StepFailure]:
        """Return why rights or budgets forbid some of these, by their places.

        No breaker is looked at: the gate, or who follows the route, has let each of them pass.
        """
        first = requests[0]
        try:
            self.check_use(first.model, first.flow)
        except UseRefused as refused:
            why = str(refused)
            return {
                at: StepFailure(why, kind="config", retryable=False) for at in range(len(requests))
            }
        reached = find_reached(
            connection=first.model,
            flow=first.flow,
            run_ids={each.run_id for each in requests},
            now=max(each.now for each in requests),
        )
        return {
            at: BudgetReached(*reached[each.run_id])
            for at, each in enumerate(requests)
            if each.run_id in reached
        }

    def chat(self, request: ChatRequest) -> ChatAnswer:
        """Return the language model's answer. Raises: UnknownModel, UseRefused, StepFailure."""
        known = self._find_enabled(request.model)
        with self._permitting(request):
            return chat_by(known, request)

    @contextmanager
    def _permitting(self, request: InferenceRequest | ChatRequest) -> Iterator[None]:
        """Let a call be made that rights, budgets and, for a routed one, breaker and limit allow.

        Raises: UseRefused, StepFailure.
        """
        self.check_use(request.model, request.flow)
        check_budgets(
            connection=request.model, flow=request.flow, run_id=request.run_id, now=request.now
        )
        if not request.routed:
            yield
            return
        with self.holding(request.model):
            yield

    def holding(self, model: str) -> AbstractContextManager[None]:
        """Hold a call of the step that is called here by the model's breaker and limit."""
        return guarding(self.destination_of(model), self.limit_of(model), get_claim())

    def _find_enabled(self, model: str) -> KnownConnection:
        known = KNOWN.find(model)
        if known is None:
            raise UnknownModel(f"There is no connection {model!r}.")
        if not known.row.enabled:
            raise cast(UseRefused, self.explain_absence(model))
        return known


PROVIDER = ConnectionProvider()


def infer_by(known: KnownConnection, request: InferenceRequest) -> Inference:
    """Ask a connection, whoever may use it. Raises: InputRefused, StepFailure."""
    adapter = cast(ModelAdapter, known.adapter)
    known.check_input(request.input)
    exchange = _open(known, request)
    request = replace(request, parameters=exchange.parameters)
    body = exchange.ask(adapter.make_call(exchange.endpoint, request))

    def read() -> ModelReply:
        reply = adapter.read(exchange.endpoint, request, read_body(body))
        exchange.stated = {"version": reply.version, "request_id": reply.request_id}
        _check_confidence(reply.confidence)
        masked = exchange.mask(dict(reply.output))
        known.check_output(masked)
        return replace(reply, output=masked)

    reply = exchange.read(read)
    reasons = _mask_reasons(exchange, reply)
    return Inference(reply.output, reply.confidence, reasons, exchange.make_provenance())


def infer_many_by(known: KnownConnection, requests: Sequence[InferenceRequest]) -> list[Outcome]:
    """Ask a connection for many in one call. Raises: InputRefused, StepFailure."""
    refused: dict[int, InputRefused] = {}
    for at, each in enumerate(requests):
        try:
            known.check_input(each.input)
        except InputRefused as why:
            refused[at] = why
    fit = [each for at, each in enumerate(requests) if at not in refused]
    given = iter(_ask_for_many(known, fit) if fit else ())
    return [refused[at] if at in refused else next(given) for at in range(len(requests))]


def _ask_for_many(known: KnownConnection, requests: Sequence[InferenceRequest]) -> list[Outcome]:
    adapter = cast(BatchingAdapter, known.adapter)
    key = make_batch_key(requests)
    exchange = _open(known, replace(requests[0], idempotency_key=key), is_shared=len(requests) > 1)
    asked = [replace(each, parameters=exchange.parameters) for each in requests]
    body = exchange.ask(adapter.make_batch_call(exchange.endpoint, asked))

    def read() -> Sequence[ModelReply]:
        replies = adapter.read_batch(exchange.endpoint, asked, read_body(body))
        if len(replies) != len(asked):
            raise AnswerUnfit("", f"{len(replies)} answers to {len(asked)} inputs")
        exchange.stated = {"version": replies[0].version, "request_id": replies[0].request_id}
        return replies

    replies = exchange.read(read)
    shares = share_provenance(exchange.make_provenance(), key, asked)
    return [_finish(exchange, each, share) for each, share in zip(replies, shares, strict=True)]


def _finish(exchange: Exchange, reply: ModelReply, share: Provenance) -> Outcome:
    """Return one answer of many, or why it does not fit, which has been paid for."""

    def read() -> Inference:
        _check_confidence(reply.confidence)
        output = exchange.mask(dict(reply.output))
        exchange.known.check_output(output)
        return Inference(output, reply.confidence, _mask_reasons(exchange, reply), share)

    try:
        return exchange.read(read)
    except StepFailure as failure:
        failure.provenance = share.as_json()
        return failure


def _mask_reasons(exchange: Exchange, reply: ModelReply) -> list[Reason]:
    return [
        replace(each, **exchange.mask({name: getattr(each, name) for name in _TEXTS_OF_REASON}))
        for each in reply.reasons
    ]


_TEXTS_OF_REASON = ("feature", "label", "value", "text")


def chat_by(known: KnownConnection, request: ChatRequest) -> ChatAnswer:
    """Ask a connection to a language model, whoever may use it. Raises: StepFailure."""
    adapter = cast(ChatAdapter, known.adapter)
    exchange = _open(known, request)
    request = replace(request, parameters=exchange.parameters)
    body = exchange.ask(adapter.make_chat_call(exchange.endpoint, request))

    def read() -> ChatReply:
        reply = adapter.read_chat(exchange.endpoint, request, read_body(body))
        exchange.stated = {
            "version": reply.version,
            "request_id": reply.request_id,
            "input_tokens": reply.input_tokens,
            "output_tokens": reply.output_tokens,
            "finish_reason": reply.finish,
        }
        return reply

    reply = exchange.read(read)
    calls = tuple(
        replace(each, **exchange.mask({"name": each.name, "arguments": each.arguments}))
        for each in reply.calls
    )
    text, finish = exchange.mask(reply.text), exchange.mask(reply.finish)
    # A secret could be put together again from the tokens.
    tokens = reply.tokens if text == reply.text else ()
    return ChatAnswer(text, calls, finish, exchange.make_provenance(), tokens)


def _open(
    known: KnownConnection, request: InferenceRequest | ChatRequest, *, is_shared: bool = False
) -> Exchange:
    return open_exchange(
        known,
        request.parameters,
        idempotency_key=request.idempotency_key,
        timeout_seconds=request.timeout_seconds,
        now=request.now,
        flow=request.flow,
        is_shared=is_shared,
    )


def _check_confidence(confidence: float | None) -> None:
    """Raises: AnswerUnfit."""
    if confidence is not None and not (math.isfinite(confidence) and 0 <= confidence <= 1):
        raise AnswerUnfit("confidence", f"a confidence is 0 to 1 (it is {confidence})")


def _list_served(serves: Callable[[KnownConnection], bool]) -> dict[str, str]:
    return {
        name: known.version
        for name, known in KNOWN.all().items()
        if known.row.enabled and serves(known)
    }
