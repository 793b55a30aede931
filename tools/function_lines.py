"""Print how long the functions of each package are: ``python -m tools.function_lines``.

For each package the number of its functions, and the median and the 90th percentile of their lines.
Counted are the lines of a body that hold code: no docstring, no comment, no blank line. A function
inside another counts by itself and as a part of the other. Tests are left out. Exits with 1 if the
median of a package is above 10 or its 90th percentile above 24.
"""

import ast
import math
import statistics
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("bench", "deploy", "examples", "flows", "reviews", "tools", "workbench")
MOST_MEDIAN, MOST_PERCENTILE = 10, 24
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Length:
    """A function and the number of its body's lines."""

    name: str
    lines: int


@dataclass(frozen=True)
class Package:
    """The lengths of a package's functions; ``percentile`` is the 90th, by nearest rank."""

    name: str
    lengths: Sequence[int]

    @property
    def median(self) -> float:
        return statistics.median(self.lengths)

    @property
    def percentile(self) -> int:
        return sorted(self.lengths)[math.ceil(0.9 * len(self.lengths)) - 1]

    @property
    def is_short(self) -> bool:
        return self.median <= MOST_MEDIAN and self.percentile <= MOST_PERCENTILE


def measure_functions(source: str) -> Iterator[Length]:
    """Yield the length of each function of a module."""
    code = _code_lines(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            statements = node.body[1:] if ast.get_docstring(node) is not None else node.body
            first = statements[0].lineno if statements else math.inf
            yield Length(node.name, sum(first <= line <= (node.end_lineno or 0) for line in code))


def measure_packages(root: Path, folders: Sequence[str]) -> list[Package]:
    """Return the packages of the folders that have functions: ``flows``, ``flows/api``."""
    lengths: dict[str, list[int]] = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            package = "/".join(path.relative_to(root).parent.parts[:2])
            found = measure_functions(path.read_text(encoding="utf-8"))
            lengths.setdefault(package, []).extend(each.lines for each in found)
    return [Package(name, found) for name, found in sorted(lengths.items()) if found]


def main() -> int:
    packages = measure_packages(ROOT, FOLDERS)
    print(f"{'package':<32}{'functions':>10}{'median':>8}{'90 %':>6}")
    for package in packages:
        too_long = "" if package.is_short else "  too long"
        print(
            f"{package.name:<32}{len(package.lengths):>10}{package.median:>8g}"
            f"{package.percentile:>6}{too_long}"
        )
    return int(not all(package.is_short for package in packages))


def _code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code. A text of many lines fills them all."""
    return {
        line
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type not in NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }


if __name__ == "__main__":
    sys.exit(main())
