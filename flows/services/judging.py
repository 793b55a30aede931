"""Ask the policies that are attached to what a service is about to do."""

from collections.abc import Callable

from flows.policies.points import ActorTold, Point, PointInput, Verdict, judge
from flows.services.errors import PolicyRefused
from workbench.accounts.actors import Actor
from workbench.audit.refusals import Refusal, note_refusal

REFUSED = "policy.refused"


def judge_act(
    point: Point, make_input: Callable[[], PointInput], *, flow: str, actor: Actor
) -> Verdict:
    """Return the verdict, which allows the act. Raises: PolicyRefused; the ledger tells of it."""
    verdict = judge(point, make_input, flow=flow)
    if verdict.allowed:
        return verdict
    payload = {"point": point.name, "reason": verdict.refusal, "policies": verdict.as_json()}
    note_refusal(Refusal(REFUSED, ("flow", flow), actor, payload))
    raise PolicyRefused(
        verdict.refusal, "Change what the policy objects to, or ask an administrator about it."
    )


def tell_actor(actor: Actor) -> ActorTold:
    """Return who acts, as policies are told."""
    return ActorTold(kind=actor.kind, name=actor.name, channel=actor.channel)
