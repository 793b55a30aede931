"""The confidence interval of a share that was counted in a sample. Pure."""

from math import sqrt
from statistics import NormalDist


def wilson_interval(hits: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for ``hits`` of ``total``; (0, 1) for an empty sample.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of
    the American Statistical Association 22 (1927), 209-212. Without continuity correction: method 3
    of R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
    Medicine 17 (1998), 857-872, who recommends it, also where counts are small or none.
    """
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = hits / total
    centre = share + z * z / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
