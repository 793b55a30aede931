"""How far a sample's distribution is from a reference's: PSI, KS, and what chance alone makes.

PSI, the population stability index: B. Yurdakul, J. Naranjo, "Statistical properties of the
population stability index", Journal of Risk Model Validation 14 (4), 2020. It is the sum over cells
of (a - e) ln(a / e) of the shares. Without a shift it is distributed as (1/n + 1/m) times a
chi-square of one degree of freedom less than there are cells: from this ``psi_by_chance``.

KS, the two-sample Kolmogorov-Smirnov distance: the largest difference of the two cumulative
distributions. ``ks_chance`` is the asymptotic probability with the correction for small samples of
M. A. Stephens, "Use of the Kolmogorov-Smirnov, Cramér-von Mises and related statistics without
extensive tables", JRSS B 32 (1), 1970.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

# A cell without a value on one side would make PSI infinite. Half a value is added to every cell of
# both sides, as Jeffreys' prior does, so that a cell that few values fill weighs accordingly.
ADDED = 0.5
# How seldom chance alone may look like a shift.
SELDOM = 1e-4
_TERMS = 100


def psi(expected: Sequence[int], actual: Sequence[int]) -> float:
    """Return the index of two counts by the same cells; 0 where either side has no values."""
    if not sum(expected) or not sum(actual):
        return 0.0
    pairs = zip(_shares(expected), _shares(actual), strict=True)
    return sum((a - e) * math.log(a / e) for e, a in pairs)


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + ADDED * len(counts)
    return [(count + ADDED) / total for count in counts]


def psi_by_chance(expected: int, actual: int, cells: int, seldom: float = SELDOM) -> float:
    """Return the index that two samples of one distribution exceed with this probability.

    The chi-square's quantile is that of E. B. Wilson and M. M. Hilferty, 1931.
    """
    if cells < 2 or not expected or not actual:  # noqa: PLR2004 - one cell cannot shift
        return math.inf
    free, z = cells - 1, NormalDist().inv_cdf(1 - seldom)
    part = 2 / (9 * free)
    return (1 / expected + 1 / actual) * free * (1 - part + z * math.sqrt(part)) ** 3


def ks_distance(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the largest difference of the cumulative distributions of two samples; ties count."""
    if not first or not second:
        return 0.0
    one, two = sorted(first), sorted(second)
    at_one = at_two = 0
    largest = 0.0
    while at_one < len(one) and at_two < len(two):
        value = min(one[at_one], two[at_two])
        while at_one < len(one) and one[at_one] == value:
            at_one += 1
        while at_two < len(two) and two[at_two] == value:
            at_two += 1
        largest = max(largest, abs(at_one / len(one) - at_two / len(two)))
    return largest


def ks_chance(distance: float, first: int, second: int) -> float:
    """Return the probability of at least this distance between samples of one distribution."""
    if not first or not second:
        return 1.0
    root = math.sqrt(first * second / (first + second))
    at = (root + 0.12 + 0.11 / root) * distance
    if at < 0.2:  # noqa: PLR2004 - the series converges slowly there, and is 1 to 12 digits
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * at) ** 2) for k in range(1, _TERMS + 1))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def chance_of_so_many(count: int, of: int, share: float) -> float:
    """Return the probability that of so many at least ``count`` are hit, each with ``share``.

    The upper tail of the binomial distribution, summed from its largest term.
    """
    if count <= 0:
        return 1.0
    if share <= 0 or count > of:
        return 0.0
    if share >= 1:
        return 1.0
    if count <= of * share:
        return 1.0  # no more than expected: as good as certain to those who ask
    log = (
        math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
        + count * math.log(share) + (of - count) * math.log1p(-share)
    )  # fmt: skip
    term = total = math.exp(log)
    for k in range(count, of):
        term *= (of - k) / (k + 1) * share / (1 - share)
        total += term
        if term < total * 1e-12:
            break
    return min(1.0, total)
