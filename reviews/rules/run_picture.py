"""The run so far as a small graph: the flow's steps where its designer put them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Any
# A card of the canvas in the layout's own units, and the margin around the picture.
CARD_WIDTH, CARD_HEIGHT, MARGIN = 200, 60, 20


@dataclass(frozen=True, slots=True)
class Node:
    """``state`` is the step's latest, "" if the run has not come to it."""

    step: str
    title: str
    state: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """An edge from the right of one card to the left of another; ``taken``: both were reached."""

    path: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """``box`` is the SVG's viewBox."""

    box: str
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]


def draw_picture(document: Mapping[str, Json], states: Mapping[str, str]) -> Picture | None:
    """Return the picture of a flow document with the states of its steps; None without a layout."""
    places = document.get("layout") or {}
    nodes = tuple(
        Node(name, str(step.get("title") or name), states.get(name, ""), *places[name][:2])
        for name, step in document.get("steps", {}).items()
        if name in places
    )
    if not nodes:
        return None
    left, top = min(node.x for node in nodes), min(node.y for node in nodes)
    width = max(node.x for node in nodes) - left + CARD_WIDTH + 2 * MARGIN
    height = max(node.y for node in nodes) - top + CARD_HEIGHT + 2 * MARGIN
    box = f"{left - MARGIN:g} {top - MARGIN:g} {width:g} {height:g}"
    return Picture(box, nodes, _draw_lines(document.get("edges") or (), nodes))


def _draw_lines(edges: Any, nodes: tuple[Node, ...]) -> tuple[Line, ...]:
    by_name = {node.step: node for node in nodes}
    found = []
    for edge in edges:
        source, _, target = (part.strip() for part in str(edge).partition("->"))
        one, other = by_name.get(source.split(".")[0]), by_name.get(target)
        if one and other:
            found.append(Line(_draw_path(one, other), bool(one.state and other.state)))
    return tuple(found)


def _draw_path(one: Node, other: Node) -> str:
    x1, y1 = one.x + CARD_WIDTH, one.y + CARD_HEIGHT / 2
    x2, y2 = other.x, other.y + CARD_HEIGHT / 2
    bend = max(40.0, abs(x2 - x1) / 2)
    return f"M{x1:g} {y1:g} C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
