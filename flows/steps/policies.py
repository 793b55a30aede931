"""Policies as steps and points ask them: in this process, or by the server that a policy names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.policies import apart
from flows.policies.model import UNDEFINED, Decision, Fault, Policy, read_decision, refuse
from flows.steps.asking import UseRefused
from flows.steps.base import Json, StepFailure
from flows.steps.contents import UnknownAsset, find_content
from flows.steps.models import InferenceRequest, InputRefused, UnknownModel, find_provider

_FAULTS: Mapping[str, Fault] = {"timeout": "timeout", "contract": "type"}


@dataclass(frozen=True)
class NamedPolicy:
    """A version of a policy. ``label`` is ``name@version``.

    With a ``connection``, which is one to an OPA server, that server decides.
    """

    label: str
    policy: Policy
    connection: str = ""


def make_policy(label: str, content: Mapping[str, Json]) -> NamedPolicy:
    """Return the policy that the content of an asset is."""
    policy = Policy(
        language=content.get("language", "rego"),
        source=content.get("source", ""),
        query=content.get("query", ""),
        data=content.get("data") or {},
    )
    return NamedPolicy(label, policy, content.get("connection", ""))


def find_policy(name: str, number: int | None) -> NamedPolicy:
    """Return version ``number`` of a policy, or its released one. Raises: UnknownAsset."""
    return find_content(f"policy/{name}", number, make_policy)


def decide_by_name(name: str, given: Json, *, flow: str) -> tuple[str, Decision]:
    """Return which version of a policy decided, and what. Never raises: in doubt it refuses."""
    try:
        found = find_policy(name, None)
    except UnknownAsset as missing:
        return name, refuse("missing", str(missing))
    return found.label, decide(found, given, flow=flow)


def decide(named: NamedPolicy, given: Json, *, flow: str, run_id: int | None = None) -> Decision:
    """Return what the policy decides. Never raises: what goes wrong is a refusal."""
    if not named.connection:
        return apart.decide(named.policy, given)
    return _ask_server(named, given, flow, run_id)


def _ask_server(named: NamedPolicy, given: Json, flow: str, run_id: int | None) -> Decision:
    """Ask by the connection, which minds its breaker, limits and secret itself."""
    request = InferenceRequest(
        model=named.connection,
        input=given,
        parameters={"path": named.policy.asked.removeprefix("data.").replace(".", "/")},
        timeout_seconds=None,
        flow=flow,
        run_id=run_id,
        now=datetime.now(UTC),
        routed=True,
    )
    try:
        output = find_provider(named.connection).infer(request).output
    except StepFailure as failure:
        return refuse(_FAULTS.get(failure.kind, "server"), f"The policy's server: {failure}")
    except (UnknownModel, UseRefused, InputRefused) as error:
        return refuse("server", f"The policy's server: {error}")
    return read_decision(output.get("result", UNDEFINED))
