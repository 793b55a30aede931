"""The statistics of the quality page. Pure: counts in, numbers out. Each names its source.

A function returns None if the data does not determine the figure, never a made-up 0 or 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The two-sided 95 % point of the normal distribution.
Z_95 = 1.959963984540054
# The series of the Kolmogorov distribution converges within a few terms; below, it is 1 anyway.
SMIRNOV_TERMS = 100
SMIRNOV_SMALLEST = 0.2
# A share of 0 has no logarithm: an empty bin counts as this share of a decision.
EMPTY_BIN = 0.5
FEWEST_RATINGS = 2

Pairs = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """``observed`` and ``expected`` are shares; ``kappa`` is None if chance alone explains all."""

    subjects: int
    observed: float
    expected: float
    kappa: float | None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """Decisions whose confidence lies in [low, high); the last band includes 1.

    ``confidence`` is the mean stated, ``hits`` how many turned out as stated.
    """

    low: float
    high: float
    count: int
    confidence: float
    hits: int

    @property
    def rate(self) -> float:
        return self.hits / self.count

    @property
    def gap(self) -> float:
        return self.rate - self.confidence

    @property
    def interval(self) -> Interval | None:
        return wilson(self.hits, self.count)


@dataclass(frozen=True, slots=True)
class Shift:
    """How far two distributions lie apart. ``p`` is None for a sample that is too small."""

    psi: float
    ks: float
    p: float
    reference: int
    current: int


def wilson(hits: int, count: int, z: float = Z_95) -> Interval | None:
    """Return Wilson's score interval of a share.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
    (1927) 209-212; as method 3 in R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872.
    """
    if count == 0:
        return None
    share, z2 = hits / count, z * z
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    spread = z * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return Interval(max(0.0, centre - spread), min(1.0, centre + spread))


def cohen_kappa(pairs: Pairs) -> Agreement | None:
    """Return the agreement of two raters, from ``{(first's answer, second's): how often}``.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
    Measurement 20 (1960) 37-46. The interval uses the large-sample standard error of J. L. Fleiss,
    J. Cohen and B. S. Everitt, Psychological Bulletin 72 (1969) 323-327, equation 13.
    """
    count = sum(pairs.values())
    if count == 0:
        return None
    labels = sorted({label for pair in pairs for label in pair})
    first = {a: sum(pairs.get((a, b), 0) for b in labels) / count for a in labels}
    second = {b: sum(pairs.get((a, b), 0) for a in labels) / count for b in labels}
    observed = sum(pairs.get((a, a), 0) for a in labels) / count
    expected = sum(first[a] * second[a] for a in labels)
    if math.isclose(expected, 1):
        return Agreement(count, observed, expected, None)
    kappa = (observed - expected) / (1 - expected)
    error = _standard_error(pairs, count, first, second, observed, expected)
    interval = Interval(max(-1.0, kappa - Z_95 * error), min(1.0, kappa + Z_95 * error))
    return Agreement(count, observed, expected, kappa, interval)


def _standard_error(
    pairs: Pairs,
    count: int,
    first: Mapping[str, float],
    second: Mapping[str, float],
    observed: float,
    expected: float,
) -> float:
    diagonal = off = 0.0
    for (a, b), times in pairs.items():
        share = times / count
        if a == b:
            weight = (1 - expected) - (second[a] + first[a]) * (1 - observed)
            diagonal += share * weight**2
        else:
            off += share * (second[a] + first[b]) ** 2
    rest = (observed * expected - 2 * expected + observed) ** 2
    variance = (diagonal + (1 - observed) ** 2 * off - rest) / (count * (1 - expected) ** 4)
    # Rounding may leave a variance of 0 slightly negative.
    return math.sqrt(max(0.0, variance))


def fleiss_kappa(table: Sequence[Mapping[str, int]]) -> Agreement | None:
    """Return the agreement of many raters: each row counts one subject's ratings by answer.

    All rows must have the same number of ratings, at least two; the raters may differ.
    J. L. Fleiss, "Measuring nominal scale agreement among many raters", Psychological Bulletin 76
    (1971) 378-382.

    Raises: ValueError if the rows have different numbers of ratings.
    """
    if not table:
        return None
    sizes = {sum(row.values()) for row in table}
    if len(sizes) > 1:
        raise ValueError(f"each subject needs as many ratings as the others, not {sorted(sizes)}")
    raters = sizes.pop()
    if raters < FEWEST_RATINGS:
        return None
    subjects = len(table)
    answers = {answer for row in table for answer in row}
    shares = [sum(row.get(a, 0) for row in table) / (subjects * raters) for a in answers]
    agreeing = sum(n * (n - 1) for row in table for n in row.values())
    observed = agreeing / (subjects * raters * (raters - 1))
    expected = sum(share**2 for share in shares)
    if math.isclose(expected, 1):
        return Agreement(subjects, observed, expected, None)
    return Agreement(subjects, observed, expected, (observed - expected) / (1 - expected))


def expected_calibration_error(bands: Sequence[Band]) -> float | None:
    """Return the mean gap between stated confidence and hit rate, weighted by count.

    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
    ICML 2017, equation 3 (after Naeini, Cooper and Hauskrecht, AAAI 2015).
    """
    count = sum(band.count for band in bands)
    return sum(band.count * abs(band.gap) for band in bands) / count if count else None


def brier_score(squared_errors: float, count: int) -> float | None:
    """Return the mean of (stated probability - what happened)², from the sum of the squares.

    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78 (1950) 1-3. His score sums over both classes of an event and so is twice this one.
    """
    return squared_errors / count if count else None


def population_stability(reference: Sequence[int], current: Sequence[int]) -> float | None:
    """Return the population stability index of two histograms over the same bins.

    N. Siddiqi, "Credit Risk Scorecards" (Wiley 2006), "system stability index":
    sum of (current share - reference share) * ln(current share / reference share). It is the
    symmetric divergence of H. Jeffreys (1946). Below 0.1 is read as stable, from 0.25 as a shift.
    An empty bin counts as half a decision, or the index would be infinite.
    """
    before, after = sum(reference), sum(current)
    if before == 0 or after == 0:
        return None
    total = 0.0
    for was, now in zip(reference, current, strict=True):
        if was == now == 0:
            continue
        p, q = (was or EMPTY_BIN) / before, (now or EMPTY_BIN) / after
        total += (q - p) * math.log(q / p)
    return total


def smirnov(reference: Sequence[int], current: Sequence[int]) -> tuple[float, float] | None:
    """Return the largest distance of two cumulative histograms, and its p value.

    The two-sample test of N. Smirnov, "Table for estimating the goodness of fit of empirical
    distributions", Annals of Mathematical Statistics 19 (1948) 279-281, with its asymptotic
    distribution. The histograms must be ordered; the finer they are, the closer to the true D.
    """
    before, after = sum(reference), sum(current)
    if before == 0 or after == 0:
        return None
    distance = below_before = below_after = 0.0
    for was, now in zip(reference, current, strict=True):
        below_before += was / before
        below_after += now / after
        distance = max(distance, abs(below_before - below_after))
    effective = before * after / (before + after)
    return distance, smirnov_p(distance * math.sqrt(effective))


def smirnov_p(z: float) -> float:
    """Return 1 - L(z) of Smirnov's table: 2 * sum of (-1)^(k-1) * exp(-2 k² z²)."""
    if z < SMIRNOV_SMALLEST:
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * z * z) for k in range(1, SMIRNOV_TERMS))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))
