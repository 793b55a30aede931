"""The cutoffs of a draft: comparisons with a number in the conditions of its branches. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Any
# What is compared, a dotted name that may be converted to a number; the sign; a number.
_COMPARISON = re.compile(
    r"(?P<what>(?:double|int)\(\s*[A-Za-z_][\w.]*\s*\)|[A-Za-z_][\w.]*\.[\w.]+)\s*"
    r"(?P<sign>>=|<=|>|<)\s*(?P<at>-?\d+(?:\.\d+)?)(?![\w.])"
)
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A comparison ``what sign at`` in a case of branch ``step``; ``span`` locates ``at``."""

    step: str
    case: int
    place: int
    what: str
    sign: str
    at: float
    span: tuple[int, int]
    source: str
    port: str
    title: str = ""

    @property
    def id(self) -> str:
        return f"{self.step}.{self.case}.{self.place}"

    @property
    def name(self) -> str:
        """The last part of what is compared, in words."""
        return self.what.rstrip(")").rpartition(".")[2].replace("_", " ")

    def holds(self, value: float, at: float) -> bool:
        """Return True if the comparison holds for a value with the cutoff ``at``."""
        match self.sign:
            case ">=":
                return value >= at
            case ">":
                return value > at
            case "<=":
                return value <= at
        return value < at

    def with_cutoff(self, at: float) -> str:
        """Return the whole condition with another cutoff."""
        start, end = self.span
        return f"{self.source[:start]}{at:.10g}{self.source[end:]}"


def list_thresholds(document: Mapping[str, Json]) -> list[Threshold]:
    """Return the cutoffs in the order of the document, however wrong the draft is."""
    steps = document.get("steps") or {}
    return [
        found
        for name, step in steps.items()
        if step.get("type") == "branch"
        for found in _find_in_branch(name, step)
    ]


def _find_in_branch(name: str, step: Mapping[str, Json]) -> Iterator[Threshold]:
    config = step.get("with")
    cases = config.get("cases") if isinstance(config, dict) else None
    for index, case in enumerate(cases if isinstance(cases, list) else []):
        source = case.get("when") if isinstance(case, dict) else None
        if not isinstance(source, str):
            continue
        # A number inside a text is not a cutoff: blank the texts, so that positions stay.
        blanked = _TEXT.sub(lambda found: " " * len(found.group()), source)
        for place, found in enumerate(_COMPARISON.finditer(blanked)):
            yield Threshold(
                step=name, case=index, place=place, what=found["what"], sign=found["sign"],
                at=float(found["at"]), span=found.span("at"), source=source,
                port=str(case.get("port", "")), title=str(step.get("title") or name),
            )  # fmt: skip
