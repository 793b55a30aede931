"""Scan papers, read and extract them, and compare what came of it with what they say."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Literal

from bench.documents.layouts import CHECKS, draw, list_rules, locale_of
from bench.documents.papers import Paper
from examples.scanning import Scanner, scan
from flows.documents.extraction.fields import extract_fields
from flows.documents.reading import ReadOptions, read_document
from flows.documents.validators import judge, weigh

EngineName = Literal["auto", "text", "tesseract", "rapidocr"]
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A field of a paper: what was found, whether it is right, and how sure that was said to be."""

    paper: Paper
    key: str
    found: object
    confidence: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """``passed`` are the papers that no check or missing field stops, whatever the threshold."""

    outcomes: Sequence[Outcome]
    passed: frozenset[int]
    seconds: Sequence[float]
    wall: float

    @property
    def accuracy(self) -> float:
        return sum(each.is_right for each in self.outcomes) / len(self.outcomes)

    def send_on(self, threshold: float) -> list[Outcome]:
        """Return the fields of the papers that go on without people at a threshold."""
        doubtful = {o.paper.number for o in self.outcomes if o.confidence < threshold}
        return [o for o in self.outcomes
                if o.paper.number in self.passed - doubtful]  # fmt: skip

    def calibration(self) -> Iterator[tuple[float, float, int, float, float]]:
        """Yield for each bin its bounds, its number, the mean confidence, and the share right."""
        for low, high in pairwise(BINS):
            own = [
                o for o in self.outcomes if low <= o.confidence < high or o.confidence == high == 1
            ]
            if own:
                said = sum(o.confidence for o in own) / len(own)
                yield low, high, len(own), said, sum(o.is_right for o in own) / len(own)

    @property
    def calibration_error(self) -> float:
        """The expected calibration error: the mean gap of the bins, by their number."""
        gaps = sum(count * abs(said - right) for _, _, count, said, right in self.calibration())
        return gaps / len(self.outcomes)


def measure(papers: Sequence[Paper], *, engine: EngineName = "auto", at_once: int = 2) -> Measured:
    """Read all papers as scans, or with the engine ``text`` as they were drawn."""
    began = perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        results = list(pool.map(lambda paper: _read(paper, engine), papers))
    return Measured(
        outcomes=[o for outcomes, _, _ in results for o in outcomes],
        passed=frozenset(o[0].paper.number for o, passes, _ in results if passes),
        seconds=[seconds for _, _, seconds in results],
        wall=perf_counter() - began,
    )


def _read(paper: Paper, engine: EngineName) -> tuple[list[Outcome], bool, float]:
    content, name = draw(paper), "paper.pdf"
    if engine != "text":
        content, name = (
            scan(content, Scanner(skew=paper.skew, noise=paper.noise), paper.number),
            "paper.jpg",
        )
    with TemporaryDirectory(prefix="countersign-bench-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        began = perf_counter()
        document = read_document(path, {"artifact": "0"}, ReadOptions(engine=engine)).document
        rules = list_rules(paper.layout)
        found = extract_fields(document, rules, locale_of(paper.layout))
        verdicts = judge(CHECKS, found, {})
        found = weigh(found, verdicts)
        seconds = perf_counter() - began
    outcomes = [
        Outcome(paper, each.key, each.value, each.confidence or 0.0,
                each.value == paper.values[each.key])
        for each in found
    ]  # fmt: skip
    passes = all(each.is_found for each in found) and all(v.holds is not False for v in verdicts)
    return outcomes, passes, seconds
