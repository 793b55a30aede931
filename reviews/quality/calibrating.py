"""Fit what a model's confidence is worth to what people decided. Pure: decisions in, points out.

The mapping never falls, so that an answer that is surer than another stays at least as sure.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Below this many decisions nothing is fitted, nor where people nearly always did the same.
FEWEST, FEWEST_OF_EACH = 50, 5
# Isotonic regression needs about a thousand, below that it follows chance: A. Niculescu-Mizil and
# R. Caruana, "Predicting good probabilities with supervised learning", ICML 2005, section 5.
ISOTONIC_FROM = 1_000
FOLDS = 5
# Confidences of 0 and 1 have no logit.
_EDGE = 1e-4
_GRID = 100
_DIGITS = 6
_MOST_STEPS, _CONVERGED = 100, 1e-10

Points = Sequence[tuple[float, float]]


class Decided(NamedTuple):
    """A decision: its number, the confidence that the model stated, whether the person agreed."""

    number: int
    confidence: float
    agreed: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """``points`` are (stated, calibrated), rising, with straight lines between them."""

    method: str
    points: Points


def explain_too_few(decided: Sequence[Decided]) -> str:
    """Return why nothing can be fitted to the decisions, "" if it can."""
    agreed = sum(each.agreed for each in decided)
    if len(decided) < FEWEST:
        return f"There are {len(decided)} decisions; {FEWEST} are needed."
    if min(agreed, len(decided) - agreed) < FEWEST_OF_EACH:
        side = "disagreed" if agreed > len(decided) - agreed else "agreed"
        return f"People {side} fewer than {FEWEST_OF_EACH} times: what is rare cannot be fitted."
    return ""


def fit(decided: Sequence[Decided]) -> Fit:
    """Fit isotonic regression where there are enough decisions, else Platt's sigmoid."""
    if len(decided) >= ISOTONIC_FROM:
        return Fit("isotonic", fit_isotonic(decided))
    return Fit("platt", fit_platt(decided))


def fit_isotonic(decided: Sequence[Decided]) -> Points:
    """Return the non-decreasing step function of least squares, as points.

    The pool-adjacent-violators algorithm: M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid and
    E. Silverman, "An empirical distribution function for sampling with incomplete information",
    Annals of Mathematical Statistics 26 (1955) 641-647; for calibration B. Zadrozny and C. Elkan,
    "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002.
    """
    blocks: list[_Block] = []
    for block in _group(decided):
        blocks.append(block)
        while len(blocks) > 1 and blocks[-2].rate >= blocks[-1].rate:
            last = blocks.pop()
            blocks[-1] = blocks[-1].join(last)
    points = [(edge, block.rate) for block in blocks for edge in (block.low, block.high)]
    return _tidy(points)


class _Block(NamedTuple):
    """Decisions whose confidences lie next to each other, which get one calibrated one."""

    low: float
    high: float
    hits: int
    size: int

    @property
    def rate(self) -> float:
        return self.hits / self.size

    def join(self, next_one: "_Block") -> "_Block":
        hits, size = self.hits + next_one.hits, self.size + next_one.size
        return _Block(self.low, next_one.high, hits, size)


def _group(decided: Sequence[Decided]) -> Iterator[_Block]:
    """Yield one block for each confidence, in their order."""
    counts: dict[float, list[int]] = {}
    for each in decided:
        count = counts.setdefault(each.confidence, [0, 0])
        count[0] += each.agreed
        count[1] += 1
    for confidence in sorted(counts):
        yield _Block(confidence, confidence, *counts[confidence])


def fit_platt(decided: Sequence[Decided]) -> Points:
    """Return 1 / (1 + exp(-(a * logit + b))) of the stated confidence, as points on a grid.

    J. Platt, "Probabilistic outputs for support vector machines", in Advances in Large Margin
    Classifiers (1999) 61-74, whose targets keep it from certainty; found by Newton's method as in
    H.-T. Lin, C.-J. Lin and R. C. Weng, Machine Learning 68 (2007) 267-276. A slope below 0, by
    which surer answers would be worth less, is taken for 0.
    """
    hits = sum(each.agreed for each in decided)
    yes, no = (hits + 1) / (hits + 2), 1 / (len(decided) - hits + 2)
    samples = [(_logit(each.confidence), yes if each.agreed else no) for each in decided]
    slope, offset = _minimise(samples)
    if slope < 0:
        slope, offset = 0.0, _logit(sum(target for _, target in samples) / len(samples))
    grid = (at / _GRID for at in range(_GRID + 1))
    return _tidy([(x, _sigmoid(slope * _logit(x) + offset)) for x in grid])


def _minimise(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the slope and offset of the greatest likelihood, by damped Newton steps."""
    at, loss = (1.0, 0.0), _loss(samples, 1.0, 0.0)
    for _ in range(_MOST_STEPS):
        better = _step_down(samples, at, loss)
        if better is None:
            break
        gain = loss - better[1]
        at, loss = better
        if gain < _CONVERGED:
            break
    return at


def _step_down(
    samples: Sequence[tuple[float, float]], at: tuple[float, float], loss: float
) -> tuple[tuple[float, float], float] | None:
    """Return the slope and offset of a Newton step, halved until it gains, and their loss."""
    slope, offset = at
    down_slope, down_offset = _newton_step(samples, slope, offset)
    size = 1.0
    while size > _CONVERGED:
        tried = slope + size * down_slope, offset + size * down_offset
        if (better := _loss(samples, *tried)) < loss:
            return tried, better
        size /= 2
    return None


def _newton_step(
    samples: Sequence[tuple[float, float]], slope: float, offset: float
) -> tuple[float, float]:
    # A little on the diagonal keeps the matrix invertible where all confidences are the same.
    aa = bb = 1e-12
    ab = a = b = 0.0
    for x, target in samples:
        p = _sigmoid(slope * x + offset)
        weight, gap = p * (1 - p), target - p
        aa, ab, bb = aa + weight * x * x, ab + weight * x, bb + weight
        a, b = a + gap * x, b + gap
    determinant = aa * bb - ab * ab
    return (bb * a - ab * b) / determinant, (aa * b - ab * a) / determinant


def _loss(samples: Sequence[tuple[float, float]], slope: float, offset: float) -> float:
    """Return the cross-entropy, written so that no exponential overflows."""
    values = ((slope * x + offset, target) for x, target in samples)
    return math.fsum(max(z, 0) - z * target + math.log1p(math.exp(-abs(z))) for z, target in values)


def _logit(p: float) -> float:
    inside = min(max(p, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


def _sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z >= 0 else 1 - 1 / (1 + math.exp(z))


def _tidy(points: Sequence[tuple[float, float]]) -> Points:
    """Return the points rounded, each place once."""
    rounded = [(round(x, _DIGITS), round(y, _DIGITS)) for x, y in points]
    return [point for at, point in enumerate(rounded) if at == 0 or point[0] > rounded[at - 1][0]]


def split(decided: Sequence[Decided]) -> Iterator[tuple[list[Decided], list[Decided]]]:
    """Yield what to fit to and what to measure on, so that each decision is measured on once.

    By a digest of its number: the same decision is always in the same part, and no order in which
    decisions came puts like ones together.
    """
    parts: list[list[Decided]] = [[] for _ in range(FOLDS)]
    for each in decided:
        digest = hashlib.sha256(str(each.number).encode()).digest()
        parts[digest[0] % FOLDS].append(each)
    for part in parts:
        others = [each for other in parts if other is not part for each in other]
        if part and others:
            yield others, part
