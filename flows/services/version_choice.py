"""Who may have a run go by another version than the released one.

An older version may lack a step at which people decide. Whoever may publish the flow could release
it, which the ledger keeps; for anybody else it would be a way around.
"""

from flows.models import Flow, FlowVersion
from flows.services.errors import VersionNotReleased
from workbench.accounts.actors import Actor
from workbench.accounts.permissions import can
from workbench.accounts.principals import find_principal


def check_version(
    flow: Flow, version_id: int | None, actor: Actor, *, kept: int | None = None
) -> None:
    """Check that the actor may choose the version; ``kept`` is the one that the run has already.

    Three queries at most, none for the released version. Raises: VersionNotReleased.
    """
    if version_id is None or version_id in {kept, flow.released_id}:
        return
    if actor.is_server or _is_part_of_released(flow, version_id):
        return
    if not can(find_principal(actor), "flows.publish", flow=flow.name):
        raise VersionNotReleased(
            f"That is not the released version of {flow.name!r}, and choosing another needs the "
            "permission flows.publish.",
            "Choose the released version, or have it done by someone who may publish the flow.",
        )


def _is_part_of_released(flow: Flow, version_id: int) -> bool:
    """Return whether it is an agent of the released version: an agent's run goes by that."""
    part = FlowVersion.with_parts.filter(pk=version_id, flow=flow).exclude(part="")
    return flow.released is not None and part.filter(number=flow.released.number).exists()
