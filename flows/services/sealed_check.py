"""Compare the outputs of steps, and the files they name, with what the ledger says they were."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from flows.engine import events
from flows.models import Artifact, Journal
from flows.runtime.artifacts import open_artifact
from flows.runtime.held import list_references
from flows.runtime.payloads import fetch
from flows.runtime.sealing import (
    SEALED,
    UNREADABLE,
    Place,
    Seal,
    compare_seals,
    find_changes,
    find_seals,
    place_in,
    place_of,
    seal_stored,
)
from workbench.audit.records import Fault, Stated, changed, list_stated, missing, unrecorded
from workbench.files.errors import FileUnreadable

Json = Any
# By step, the parts of its output that are not as they were, such as values.net.
Changes = dict[str, list[str]]
GONE, ADDED = "gone", "added"
CHUNK_BYTES = 256 * 1024


def list_changed_outputs(run_id: int, opened_from: Mapping[str, Seal]) -> Changes:
    """Return what is not as it was when the run's steps wrote it, and a case was opened from it.

    ``opened_from`` has by step the seals of what the case was made from. Two queries.
    """
    seals = find_seals([run_id])
    rows = _find_rows([run_id], {*opened_from, *(step for _, step, *_ in seals)})
    found: defaultdict[str, set[str]] = defaultdict(set)
    for place, seal in seals.items():
        row = rows.get(place)
        found[place[1]].update(find_changes(row, seal) if row else [GONE])
    for row in _list_added(rows, seals):
        found[row.step].add(ADDED)
    for step, seal in opened_from.items():
        found[step].update(_compare_opening((run_id, step), seal, seals, rows))
    return {step: sorted(parts) for step, parts in found.items() if parts}


def compare_openings(openings: Sequence[tuple[int, Mapping[str, Seal]]]) -> list[Changes]:
    """Return for each run and what a case was opened from what the run did not have. Two queries.

    What its steps wrote and does not stand any more is found by ``check_outputs``.
    """
    runs = {run_id for run_id, opened_from in openings if opened_from}
    if not runs:
        return [{} for _ in openings]
    seals = find_seals(runs)
    rows = _find_rows(runs, {step for _, opened_from in openings for step in opened_from})
    return [
        {
            step: parts
            for step, seal in opened_from.items()
            if (parts := _compare_opening((run_id, step), seal, seals, rows))
        }
        for run_id, opened_from in openings
    ]


def _compare_opening(
    at: tuple[int, str], seal: Seal, seals: Mapping[Place, Seal], rows: Mapping[Place, Journal]
) -> list[str]:
    """Return how an output that a case was opened from differs from the nearest that the step had.

    That is what the ledger says of it or, of a step whose outputs are not sealed, the journal.
    """
    had = [each for place, each in seals.items() if place[:2] == at]
    had = had or [
        made for place, row in rows.items() if place[:2] == at if (made := _seal_row(row))
    ]
    differences = [compare_seals(seal, each) for each in had]
    return min(differences, key=len, default=[GONE])


def _seal_row(row: Journal) -> Seal | None:
    try:
        return seal_stored(row.data, row.port)
    except UNREADABLE:
        return None


def check_outputs() -> Iterator[Fault]:
    """Yield each sealed output that is not as it was, and each file that it names and is not."""
    intact: dict[str, bool] = {}
    for chunk in list_stated([SEALED]):
        known = [each for each in chunk if each.payload]
        runs = {int(each.subject_id) for each in known}
        rows = _find_rows(runs, {str((each.payload or {}).get("step")) for each in known})
        for each in known:
            yield from _check(each, rows, intact)
        for row in _list_added(rows, find_seals(runs)):
            yield unrecorded(f"No entry tells of an output of step {row.step} of run {row.run_id}.")


def _check(
    stated: Stated, rows: Mapping[Place, Journal], intact: dict[str, bool]
) -> Iterator[Fault]:
    payload = stated.payload or {}
    name = f"output of step {payload.get('step')} of run {stated.subject_id}"
    row = rows.get(place_in(int(stated.subject_id), payload))
    if row is None:
        yield missing(stated.entry, f"The {name} is gone.")
    elif parts := find_changes(row, payload):
        yield changed(stated.entry, f"The {name} has another {', '.join(parts)} than it had.")
    else:
        for at, digest in list_references(fetch(row.data)):
            if digest not in intact:
                intact[digest] = not list_changed_files([digest])
            if not intact[digest]:
                yield changed(stated.entry, f"The file at {at} of the {name} is another, or gone.")


def _list_added(rows: Mapping[Place, Journal], seals: Mapping[Place, Seal]) -> Iterator[Journal]:
    """Yield the rows that stand without a seal after a sealed one of the same step.

    Those before it were written when outputs were not sealed.
    """
    first: dict[tuple[int, str], int] = {}
    for place, row in sorted(rows.items(), key=lambda each: each[1].seq):
        key = place[:2]
        if place in seals:
            first.setdefault(key, row.seq)
        elif key in first:
            yield row


def _find_rows(runs: Collection[int], steps: Collection[str]) -> dict[Place, Journal]:
    found = Journal.objects.filter(run_id__in=runs, step__in=steps, kind=events.STEP_FINISHED)
    return {place_of(row): row for row in found.order_by("run_id", "seq")}


def list_changed_files(digests: Iterable[str], most_bytes: int | None = None) -> list[str]:
    """Return which artifacts are gone, or have another content than their digest says.

    Larger files than ``most_bytes`` are not read. Raises: StoreAway.
    """
    return [each for each in digests if not _is_intact(each, most_bytes)]


def _is_intact(digest: str, most_bytes: int | None) -> bool:
    artifact = Artifact.objects.filter(digest=digest).first()
    if artifact is None:
        return False
    if most_bytes is not None and artifact.size > most_bytes:
        return True
    try:
        with open_artifact(artifact) as file:
            while file.read(CHUNK_BYTES):
                pass  # compared with its digest as it is read
    except (FileNotFoundError, FileUnreadable):
        return False
    return True
