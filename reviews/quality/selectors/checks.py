"""Figures about checks: how they turned out, and how far people agree."""

from collections import defaultdict
from collections.abc import Mapping

from django.db.models import Count, QuerySet

from reviews.models.quality import CheckKind, QualityCheck
from reviews.quality.figures import Checks, Share
from reviews.quality.statistics import Agreement, cohen_kappa, fleiss_kappa


def count_checks(checks: QuerySet[QualityCheck]) -> Checks:
    """Return how checks turned out: three queries."""
    pairs: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for row in checks.values("kind", "expected", "outcome").annotate(n=Count("pk")).order_by():
        pairs[row["kind"]][row["expected"], row["outcome"]] = row["n"]
    return Checks(
        sample=_share_agreed(pairs[CheckKind.SAMPLE]),
        second=_share_agreed(pairs[CheckKind.SECOND]),
        known=_share_agreed(pairs[CheckKind.KNOWN]),
        second_agreement=cohen_kappa(pairs[CheckKind.SECOND]),
        sample_pairs=pairs[CheckKind.SAMPLE],
        known_agreement=_known_agreement(checks),
        unseen=checks.filter(agreed=False, looked_at=None).count(),
    )


def _share_agreed(pairs: Mapping[tuple[str, str], int]) -> Share:
    hits = sum(n for (expected, outcome), n in pairs.items() if expected == outcome)
    return Share(hits, sum(pairs.values()))


def _known_agreement(checks: QuerySet[QualityCheck]) -> Agreement | None:
    """Return Fleiss' kappa of the people who were given the same known answers.

    It needs the same number of ratings for each answer: the most usual number is taken, and
    answers with another number are left out.
    """
    table: dict[int, dict[str, int]] = defaultdict(dict)
    rows = checks.filter(kind=CheckKind.KNOWN).values("known", "outcome").annotate(n=Count("pk"))
    for row in rows.order_by():
        table[row["known"]][row["outcome"]] = row["n"]
    by_size: dict[int, list[dict[str, int]]] = defaultdict(list)
    for subject in table.values():
        by_size[sum(subject.values())].append(subject)
    usable = {size: rows for size, rows in by_size.items() if size > 1}
    return fleiss_kappa(max(usable.values(), key=len)) if usable else None
