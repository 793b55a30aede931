"""Who may let a flow reach others: call them, hear how their runs end, send them events.

The steps of another flow, with its secrets, then work for this one, or its runs go on by what this
one says. So it takes someone who has these rights by themselves.
"""

from collections.abc import Iterable

from flows.graph.codec import parse
from flows.graph.model import Document
from flows.graph.reaching import Reaching
from flows.graph.rules_reaching import list_reaching
from flows.models import FlowVersion
from flows.selectors.vouchers import find_missing, find_publisher
from flows.services.errors import OtherFlowOutOfReach
from flows.steps.catalogue import catalogue
from workbench.accounts.actors import Actor
from workbench.accounts.principals import find_person

CALLING_TYPES = frozenset({"subflow", "for_each"})


def check_document(document: Document, actor: Actor) -> None:
    """Check that the actor may publish what the document does beyond its flow.

    Two queries at most. Raises: OtherFlowOutOfReach.
    """
    check_reaching(list_reaching(document, catalogue()), actor)


def check_release(version: FlowVersion, actor: Actor) -> None:
    """Check that the actor may publish what the version does, or that its publisher still may.

    Six queries at most, none where it does nothing beyond its flow. Raises: OtherFlowOutOfReach.
    """
    if actor.is_server:
        return
    found = list_reaching(parse(version.document), catalogue())
    try:
        check_reaching(found, actor)
    except OtherFlowOutOfReach:
        publisher = find_publisher(version)
        if any(publisher.find_missing(each) for each in found):
            raise


def check_reaching(found: Iterable[Reaching], actor: Actor) -> None:
    """Check that the actor has each right. Two queries at most, none where nothing is found.

    A token's person is asked: its own scopes are about what it does itself.
    Raises: OtherFlowOutOfReach.
    """
    every = list(found)
    if actor.is_server or not every:
        return
    person = find_person(actor)
    for each in every:
        for permission in find_missing(each, person):
            raise OtherFlowOutOfReach(
                f"{each.what}, and that needs the permission {permission} {each.where}.",
                _advise(each),
            )


def _advise(each: Reaching) -> str:
    other = "ave it done by someone who has that permission."
    return f"{each.instead}, or h{other}" if each.instead else f"H{other}"
