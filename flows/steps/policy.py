"""The step type `policy`: go on by `allowed` or `refused`, as a policy says."""

from collections.abc import Mapping

from pydantic import Field

from flows.policies.model import Decision, compute_digest
from flows.steps.base import (
    Json,
    Result,
    RunningStep,
    StepConfig,
    StepContext,
    StepFailure,
    text_of,
)
from flows.steps.contents import UnknownAsset
from flows.steps.policies import NamedPolicy, decide, find_policy
from flows.steps.registry import register

ALLOWED, REFUSED = "allowed", "refused"


@register
class PolicyStep(RunningStep):
    name = "policy"
    title = "Policy"
    summary = "Goes on only if a policy allows it"
    icon = "scale"
    category = "Logic"

    class Config(StepConfig):
        policy: str = Field(
            min_length=1,
            title="Policy",
            description="Its name. The flow's version pins the version that was released.",
            examples=["refund-payments"],
        )
        input: dict[str, Json] = Field(
            default_factory=dict,
            title="Input",
            description="What the policy is told: its `input`.",
            examples=[{"amount": "${ input.amount }"}],
        )

    def ports(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        return (ALLOWED, REFUSED)

    def output_schema(self, config: Mapping[str, Json]) -> Mapping[str, Json]:
        return {
            "type": "object",
            "properties": {
                "allow": {"type": "boolean"},
                "reasons": {"type": "array", "items": {"type": "string"}},
                "obligations": {"type": "object"},
                "policy": {"type": "string"},
                "version": {"type": "integer"},
                "fault": {"type": "string"},
            },
            "required": ["allow", "reasons", "obligations", "policy", "version", "fault"],
        }

    def describe(self, config: Mapping[str, Json]) -> str:
        return text_of(config.get("policy")) or "Choose a policy"

    def list_assets(self, config: Mapping[str, Json]) -> tuple[str, ...]:
        name = text_of(config.get("policy"))
        return (f"policy/{name}",) if name and "${" not in name else ()

    def run(self, ctx: StepContext, config: Config) -> Result:
        """Leave by `allowed`, or by `refused` where the policy says no or does not decide."""
        named = _find(ctx, config.policy)
        decision = decide(named, config.input, flow=ctx.flow, run_id=ctx.run_id or None)
        return _leave(named, decision, config.input)

    def rehearse(self, ctx: StepContext, config: Config) -> Result:
        # No server is asked in tests and previews: the module is here.
        named = _find(ctx, config.policy)
        here = NamedPolicy(named.label, named.policy)
        return _leave(named, decide(here, config.input, flow=ctx.flow), config.input)


def _find(ctx: StepContext, name: str) -> NamedPolicy:
    """Raises: StepFailure."""
    try:
        return find_policy(name, ctx.pins.get(f"policy/{name}"))
    except UnknownAsset as missing:
        raise StepFailure(str(missing), kind="config", retryable=False) from missing


def _leave(named: NamedPolicy, decision: Decision, given: Json) -> Result:
    name, _, number = named.label.partition("@")
    output = {
        "allow": decision.allow,
        "reasons": list(decision.reasons),
        "obligations": dict(decision.obligations),
        "policy": name,
        "version": int(number or 0),
        "fault": decision.fault,
    }
    made = {"policy": named.label, "input_sha256": compute_digest(given), **decision.as_json()}
    port = ALLOWED if decision.allow else REFUSED
    return Result(output, port, provenance={"policies": [made]})
