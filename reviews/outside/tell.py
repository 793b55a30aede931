"""The step type `checkpoint.tell`: call another engine back with what people decided."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from flows.graph.model import Step
from flows.graph.problems import Problem
from flows.steps.base import (
    Json,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.destinations import check_spelling, host_and_port
from flows.steps.registry import register
from reviews.notices.signed import call_signed
from reviews.outside.document import FLOW
from workbench.secrets.services import SecretUnknown, read_secrets
from workbench.secrets.uses import checkpoint_use, flow_use


@register
class Tell(RunningStep):
    """Calls back with the decision; a repeat has the same ``webhook-id``, so it is recognised."""

    name = "checkpoint.tell"
    title = "Tell another engine"
    summary = "Calls back with the decision"
    icon = "send"
    category = "People"
    effects: ClassVar[bool] = True

    class Config(StepConfig):
        url: str = Field(
            default="",
            title="Address",
            description="Must be allowed by the setting OUTGOING_ALLOWLIST. Empty: call nobody.",
        )
        secret: str = Field(
            default="",
            title="Name of the signing key",
            description="A secret that begins with whsec_, by Standard Webhooks.",
        )
        reference: str = Field(default="", title="The other engine's own id")
        decision: dict[str, Json] = Field(title="Decision", description="A checkpoint's output.")

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {"type": "object", "properties": {"told": {"type": "boolean"}}, "required": ["told"]}

    def describe(self, config: Mapping[str, Json]) -> str:
        return text_of(config.get("url")) or "Calls nobody"

    def acts_outside(self, config: Mapping[str, Json]) -> bool:
        return True

    def destination(self, config: Config) -> str | None:
        return host_and_port(config.url) if config.url else None

    def check(self, step: Step) -> Sequence[Problem]:
        return check_spelling(step, "url")

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Raises: StepFailure of kind config, refused, timeout, connection, http or too_large."""
        if not config.url:
            return Result(output={"told": False})
        try:
            key = read_secrets([config.secret], use=_use_of(ctx))[config.secret]
        except SecretUnknown as error:
            raise StepFailure(str(error), kind="config", retryable=False) from error
        call_signed(
            url=config.url,
            key=key,
            message_id=ctx.idempotency_key,
            body=_body(ctx, config),
            now=ctx.now,
        )
        return Result(output={"told": True})


def _use_of(ctx: StepContext) -> str:
    """Return what the key is used for: other engines may use only what their queue may."""
    if ctx.flow == FLOW:
        return checkpoint_use(str(ctx.input["case"]["queue"]))
    return flow_use(ctx.flow)


def _body(ctx: StepContext, config: Tell.Config) -> str:
    body = {
        "type": f"checkpoint.{config.decision.get('outcome', 'decided')}",
        "timestamp": ctx.now.isoformat(),
        "data": {
            "checkpoint": ctx.run_id,
            "reference": config.reference,
            "decision": config.decision,
        },
    }
    return json.dumps(body, ensure_ascii=False)
