"""Operations on the flow itself, and on the whole document."""

from flows.graph.operations.arguments import read_mapping
from flows.graph.operations.edges import parse_edge
from flows.graph.operations.pointers import set_at
from flows.graph.operations.refusals import OperationRefused, malformed
from flows.graph.operations.sections import SECTIONS, normal_form
from flows.graph.operations.values import Mapped, Result

FLOW_FIELDS = frozenset({"title", "description", "lane", "input", "output", "samples", "tests"})


def set_flow(document: Mapped, op: Mapped) -> Result:
    """Set a field of the flow, or remove it. ``{path, value?, old?}``"""
    changed, undo = set_at(document, op, FLOW_FIELDS)
    return changed, {"op": "set_flow", **undo}


def replace(document: Mapped, op: Mapped) -> Result:
    """Replace the whole document, as an import or a restore does. ``{document}``"""
    new = normal_form(read_mapping(op, "document"))
    if new.get("name") != document.get("name"):
        raise OperationRefused(
            "name_fixed",
            f"This flow is `{document.get('name')}`, the document is `{new.get('name')}`.",
            "Change `name` in the document, or import it as a flow of its own.",
        )
    check_sections(new)
    return new, {"op": "replace", "document": document}


def check_sections(document: Mapped) -> None:
    """Raise OperationRefused unless each section has its form, and each edge is one."""
    for name, kind in SECTIONS.items():
        if not isinstance(document[name], kind):
            raise malformed(f"`{name}` must be {'a list' if kind is list else 'an object'}.")
    for edge in document["edges"]:
        parse_edge(edge)
