"""The masked values that a run's texts can hold: its own, and those that came with its data."""

from collections.abc import Collection, Sequence

from flows.guards.masking import TOKEN
from flows.models import MaskedValue, Run, Wait

# How many runs back a run's data are followed: to its callers, and to what it repeats.
MOST_BACK = 32


def list_masked_values(run: Run, codes: Collection[str] | None = None) -> Sequence[MaskedValue]:
    """Return the rows without their originals, oldest first; with ``codes``, those alone.

    A run has the tokens of its callers and of the run that it repeats, since it got their data. One
    query, and two for each of these.
    """
    rows = MaskedValue.objects.filter(run_id__in=_list_sources(run)).defer("ciphertext")
    if codes is not None:
        rows = rows.filter(code__in=codes)
    return list(rows.select_related("run__flow").order_by("pk"))


def has_masked_values(run: Run) -> bool:
    """Return whether the texts of a run can hold tokens."""
    sources = _list_sources(run)
    # ``get_run`` has asked of the run's own; most runs have no others.
    own: bool | None = vars(run).get("has_masked")
    if own is not None and sources == [run.pk]:
        return own
    return MaskedValue.objects.filter(run_id__in=sources).exists()


def find_codes(texts: Collection[str]) -> set[str]:
    """Return the codes of the tokens in some texts."""
    return {match["code"] for text in texts for match in TOKEN.finditer(text)}


def _list_sources(run: Run) -> list[int]:
    found, waiting = [run.pk], [run]
    while waiting and len(found) < MOST_BACK:
        before = [each for each in _list_before(waiting.pop()) if each not in found]
        found += before
        waiting += Run.objects.filter(pk__in=before) if before else ()
    return found


def _list_before(run: Run) -> list[int]:
    """Return the runs from which a run got its data: its caller, and the run that it repeats."""
    before = [] if run.rerun_of_id is None else [run.rerun_of_id]
    if run.parent_wait_id is not None:
        before += Wait.objects.filter(pk=run.parent_wait_id).values_list("run_id", flat=True)
    return before
