"""Count the circles and the upward imports of the packages: ``python -m tools.check_house``.

A circle is a set of modules and packages inside one package that import each other in a ring. An
upward import goes from a lower layer to a higher one, as `[tool.importlinter]` in pyproject.toml
orders them. Imports inside functions count too. Exits with 1 if there is either.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grimp

Edges = Mapping[str, set[str]]


@dataclass(frozen=True)
class Upward:
    """An import of ``imported``, which stands in a higher layer than ``importer``."""

    importer: str
    imported: str


def find_circles(graph: grimp.ImportGraph, package: str) -> Iterator[list[str]]:
    """Yield each circle among the children of ``package`` and of every package inside it."""
    children = graph.find_children(package)
    if not children:
        return
    yield from _rings(_sibling_imports(graph, children))
    for child in sorted(children):
        yield from find_circles(graph, child)


def find_upward_imports(graph: grimp.ImportGraph, layers: list[list[str]]) -> Iterator[Upward]:
    """Yield the imports that go up. ``layers`` begins with the highest."""
    level = {name: height for height, names in enumerate(layers) for name in names}
    for importer in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            lower, upper = _level_of(importer, level), _level_of(imported, level)
            if lower is not None and upper is not None and lower > upper:
                yield Upward(importer, imported)


def read_layers(pyproject: Path) -> Iterator[list[list[str]]]:
    """Yield the layers of each contract of the type `layers`, as full names of modules."""
    contracts = tomllib.loads(pyproject.read_text())["tool"]["importlinter"]["contracts"]
    for contract in contracts:
        if contract["type"] == "layers":
            for container in contract.get("containers", [""]):
                prefix = f"{container}." if container else ""
                yield [
                    [prefix + name.strip(" ()") for name in layer.replace("|", ":").split(":")]
                    for layer in contract["layers"]
                ]


def main() -> int:
    graph = grimp.build_graph("workbench", "flows", "reviews")
    circles = [
        circle for root in ("workbench", "flows", "reviews") for circle in find_circles(graph, root)
    ]
    upward = {
        found
        for layers in read_layers(Path("pyproject.toml"))
        for found in find_upward_imports(graph, layers)
    }
    for circle in circles:
        print("circle:", " -> ".join([*circle, circle[0]]))
    for each in sorted(upward, key=lambda found: found.importer):
        print(f"upward: {each.importer} imports {each.imported}")
    print(f"{len(circles)} circles, {len(upward)} upward imports in {len(graph.modules)} modules")
    return 1 if circles or upward else 0


def _sibling_imports(graph: grimp.ImportGraph, children: set[str]) -> Edges:
    return {
        child: {
            sibling
            for sibling in children - {child}
            if graph.direct_import_exists(importer=child, imported=sibling, as_packages=True)
        }
        for child in sorted(children)
    }


def _rings(edges: Edges) -> Iterator[list[str]]:
    """Yield the sets of two or more nodes that reach each other."""
    reached = {node: _reachable(edges, node) for node in edges}
    seen: set[str] = set()
    for node in edges:
        ring = [other for other in edges if other in reached[node] and node in reached[other]]
        if len(ring) > 1 and node not in seen:
            seen.update(ring)
            yield ring


def _reachable(edges: Edges, start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for following in edges[waiting.pop()] - found:
            found.add(following)
            waiting.append(following)
    return found


def _level_of(module: str, level: Mapping[str, int]) -> int | None:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (name := ".".join(parts[:length])) in level:
            return level[name]
    return None


if __name__ == "__main__":
    sys.exit(main())
