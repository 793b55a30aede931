"""The figures of a sitting: samples, their median and range, as Markdown and as JSON."""

import json
import math
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import machine


@dataclass(slots=True)
class Figure:
    """A row of the table. ``samples`` has a value for each repeat; their median is the result."""

    workload: str
    contender: str
    name: str
    unit: str
    samples: list[float] = field(default_factory=list)
    load_at_start: float = 0.0
    load_at_end: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    def row(self) -> str:
        low, high = min(self.samples), max(self.samples)
        cells = [
            self.workload,
            self.contender,
            self.name,
            f"**{_short(self.median)}** {self.unit}".rstrip(),
            f"{_short(low)} to {_short(high)}",
            str(len(self.samples)),
            f"{self.load_at_start:.1f} → {self.load_at_end:.1f}",
        ]
        return "| " + " | ".join(cells) + " |"


HEAD = """\
| workload | of | figure | median | lowest to highest | samples | load, start → end |
|---|---|---|---|---|---|---|"""
RATIO_HEAD = """\
| | ours to | times as good, median | lowest to highest |
|---|---|---|---|"""

KEPT_HEAD = """\
| W1 beside | keeps of its speed beside 1,000, median | lowest to highest |
|---|---|---|"""


@dataclass(slots=True)
class Sheet:
    """The figures of a sitting, in the order of their first samples."""

    figures: dict[tuple[str, str, str], Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def add(
        self, workload: str, contender: str, values: Mapping[str, tuple[float, str]], load: float
    ) -> None:
        """Add a sample to each figure, as ``{name: (value, unit)}``. ``load`` was at its start."""
        for name, (value, unit) in values.items():
            key = (workload, contender, name)
            figure = self.figures.setdefault(
                key, Figure(workload, contender, name, unit, load_at_start=load)
            )
            figure.samples.append(value)
            figure.load_at_end = machine.load()
        said = ", ".join(f"{name} {_short(value)} {unit}" for name, (value, unit) in values.items())
        self.say(f"{workload:9} {contender:13} {said}")

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.say(text)

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.0f} s  {text}", flush=True)

    def compare(self, workload: str, name: str, ours: str, *, more_is_better: bool) -> list[str]:
        """Return rows that compare ours with each other one, by the ratios of paired samples."""
        mine = self.figures.get((workload, ours, name))
        lines = []
        for figure in self.figures.values():
            if mine is None or figure is mine or (figure.workload, figure.name) != (workload, name):
                continue
            pairs = zip(mine.samples, figure.samples, strict=False)
            ratios = [a / b if more_is_better else b / a for a, b in pairs if a and b]
            if ratios:
                lines.append(
                    f"| {workload} {name} | {figure.contender} |"
                    f" **{statistics.median(ratios):.1f}** |"
                    f" {min(ratios):.1f} to {max(ratios):.1f} |"
                )
        return lines

    def markdown(self, about: Mapping[str, str], ratios: Sequence[str], kept: Sequence[str]) -> str:
        lines = [*(f"- {name}: {value}" for name, value in about.items()), "", HEAD]
        lines += [figure.row() for figure in self.figures.values()]
        if ratios:
            lines += ["", RATIO_HEAD, *ratios]
        if kept:
            lines += ["", KEPT_HEAD, *kept]
        lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines).rstrip() + "\n"

    def write_json(self, path: Path, about: Mapping[str, str]) -> None:
        whole: dict[str, Any] = {
            "machine": dict(about),
            "seconds": round(time.monotonic() - self.began, 1),
            "notes": self.notes,
            "figures": [
                {
                    "workload": figure.workload,
                    "contender": figure.contender,
                    "name": figure.name,
                    "unit": figure.unit,
                    "median": figure.median,
                    "samples": figure.samples,
                    "load": [figure.load_at_start, figure.load_at_end],
                }
                for figure in self.figures.values()
            ],
        }
        path.write_text(json.dumps(whole, indent=1) + "\n")


def write_page(page: Path, figures: str) -> None:
    """Replace the figures on the page, between its two marks."""
    before, mark, rest = page.read_text().partition("<!-- sitting -->\n")
    _, end, after = rest.partition("<!-- /sitting -->")
    if not end:
        raise ValueError(f"{page} has no place for the figures.")
    page.write_text(f"{before}{mark}{figures}{end}{after}")


def percentile(values: Iterable[float], share: float) -> float:
    """Return the percentile by nearest rank: ``share`` of the values do not exceed it."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _short(value: float) -> str:
    """Return the value with about three digits: more would claim too much precision."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{digits}f}"
