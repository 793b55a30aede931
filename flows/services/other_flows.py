"""Who may let a flow use another one: call it, or hear how its runs end.

The other flow's steps, with its secrets, then work for this flow, and this flow is given what comes
of them. So it takes someone who has these rights on the other flow by themselves.
"""

from collections.abc import Collection, Iterable

from flows.graph.model import Document
from flows.services.errors import OtherFlowOutOfReach
from workbench.accounts.actors import Actor
from workbench.accounts.models import ApiToken
from workbench.accounts.permissions import can, reach
from workbench.accounts.principals import find_principal

CALL = ("runs.start", "runs.view")
HEAR = ("runs.view",)
CALLING_TYPES = frozenset({"subflow", "for_each"})


def check_calls(document: Document, actor: Actor) -> None:
    """Check that the actor may have the document call what it calls. Two queries at most.

    Raises: OtherFlowOutOfReach.
    """
    if called := sorted(set(_list_called(document)) - {document.name}):
        check_use(called, CALL, actor)


def check_use(names: Iterable[str], needed: Collection[str], actor: Actor) -> None:
    """Check that the actor has what is needed on each of the flows. Two queries at most.

    A token's person is asked: its own scopes are about what it does itself. A name that only a run
    will know needs the rights on all flows. Raises: OtherFlowOutOfReach.
    """
    if actor.is_server:
        return
    principal = find_principal(actor)
    person = principal.user if isinstance(principal, ApiToken) else principal
    for name in names:
        for permission in needed:
            known = "${" not in name
            if known and can(person, permission, flow=name):
                continue
            if not known and reach(person, permission).everywhere:
                continue
            which = f"the flow {name}" if known else "every flow, which an expression may name"
            raise OtherFlowOutOfReach(
                f"This uses another flow, and needs the permission {permission} for {which}.",
                "Have it done by someone who may use that flow too.",
            )


def _list_called(document: Document) -> Iterable[str]:
    for step in document.steps.values():
        called = step.config.get("flow")
        if step.type in CALLING_TYPES and isinstance(called, str):
            yield called
