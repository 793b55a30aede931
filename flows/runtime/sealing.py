"""Seals: what a step's output was when it was written, as the ledger keeps it.

A seal is ``{"sha256": …, "parts": {name: …}}``: the digest of port and output, and the start of the
digest of each part, by which a seal that is broken names what was changed. The entry is written in
the transaction that journals the output, and has the step, the token and the activation too.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

from flows.models import Journal
from flows.runtime.artifacts import ArtifactMissing
from flows.runtime.payloads import fetch
from flows.store.rows import TokenRow
from workbench.accounts.actors import Actor
from workbench.audit.models import Entry
from workbench.audit.records import read_object
from workbench.audit.services import Act
from workbench.files.errors import FileUnreadable

Json = Any
Seal = Mapping[str, Json]
# Run, step, token and activation; a row that was copied from another run has no token.
Place = tuple[int, str, int | None, int | None]

SEALED = "run.output_sealed"
# What is raised for an output that cannot be read, and will not be: the file of a large one is
# gone or changed, or what it holds is no JSON.
UNREADABLE = (ArtifactMissing, FileNotFoundError, FileUnreadable, ValueError)
# Past these only the whole object has a digest, so that an entry stays small.
MOST_INNER_PARTS = 50
MOST_PARTS = 200
PART_DIGITS = 16


def make_seal(output: Json, port: str) -> dict[str, Json]:
    """Return the seal of an output, given as steps see it and not as a row keeps it."""
    parts = {name: _digest(value)[:PART_DIGITS] for name, value in _list_parts(output, port)}
    return {"sha256": _digest([port, output]), "parts": parts}


def seal_stored(stored: Json, port: str) -> dict[str, Json]:
    """Return the seal of an output in the form that its row has. Raises: ArtifactMissing."""
    return make_seal(fetch(stored), port)


def seal_bindings(steps: Mapping[str, Json]) -> dict[str, Seal]:
    """Return the seal of each output among the bindings of an expression, by step."""
    return {step: make_seal(each["output"], each["port"]) for step, each in steps.items()}


def compare_seals(before: Seal, now: Seal) -> list[str]:
    """Return the parts that differ, none if all is the same."""
    if before.get("sha256") == now.get("sha256"):
        return []
    had, has = before.get("parts") or {}, now.get("parts") or {}
    names = sorted(had.keys() | has.keys())
    return [name for name in names if had.get(name) != has.get(name)] or ["output"]


def make_act(row: TokenRow, seal: Seal) -> Act:
    """Return the act to record with the row of the step that a token leaves."""
    return _make_act(row.run_id, row.step, row.id, row.activation, seal)


def copy_seals(rows: Iterable[Journal], run_id: int) -> list[Act]:
    """Return the acts to record for copies of rows in another run.

    Each seal stays what it was, so that a row which was changed before is seen as such after.
    """
    seals = find_seals({row.run_id for row in rows})
    return [
        _make_act(run_id, row.step, None, None, _bare(seal))
        for row in rows
        if (seal := seals.get(place_of(row)))
    ]


def find_seals(run_ids: Collection[int]) -> dict[Place, Seal]:
    """Return what the ledger keeps of the outputs of these runs. One query."""
    entries = Entry.objects.filter(
        subject_kind="run", subject_id__in=[str(each) for each in run_ids], action=SEALED
    )
    found: dict[Place, Seal] = {}
    for run_id, body in entries.order_by("pk").values_list("subject_id", "payload__body"):
        if payload := read_object(body):
            found[place_in(int(run_id), payload)] = payload
    return found


def find_changes(row: Journal, seal: Seal | None = None) -> list[str]:
    """Return the parts of a row's output that are not as they were sealed.

    Without a seal in the ledger there are none. What cannot be read counts as changed.
    """
    seal = seal or find_seals([row.run_id]).get(place_of(row))
    if seal is None:
        return []
    try:
        return compare_seals(seal, seal_stored(row.data, row.port))
    except UNREADABLE:
        return ["output"]


def place_of(row: Journal) -> Place:
    return row.run_id, row.step, row.token_id, row.activation


def place_in(run_id: int, payload: Mapping[str, Json]) -> Place:
    """Return the place of the row that an entry seals."""
    return run_id, payload.get("step", ""), payload.get("token"), payload.get("activation")


def _make_act(
    run_id: int, step: str, token_id: int | None, activation: int | None, seal: Seal
) -> Act:
    payload = {"step": step, "token": token_id, "activation": activation, **seal}
    return Act(SEALED, ("run", str(run_id)), Actor.system("engine"), payload)


def _bare(seal: Seal) -> Seal:
    return {"sha256": seal.get("sha256"), "parts": seal.get("parts")}


def _list_parts(output: Json, port: str) -> Iterable[tuple[str, Json]]:
    if not isinstance(output, Mapping):
        return [("its port", port), ("output", output)]
    deep = [*_go_in(output)]
    parts = deep if len(deep) <= MOST_PARTS else [*output.items()][:MOST_PARTS]
    return [("its port", port), *parts]


def _go_in(output: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for name, value in output.items():
        if isinstance(value, Mapping) and 0 < len(value) <= MOST_INNER_PARTS:
            yield from ((f"{name}.{inner}", held) for inner, held in value.items())
        else:
            yield name, value


def _digest(value: Json) -> str:
    text = json.dumps(_settle(value), sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def _settle(value: Json) -> Json:
    """Return the value with each whole number as an int, as PostgreSQL may give it back.

    Its JSON keeps 1e+16 as 10000000000000000, which Python reads as an int.
    """
    if isinstance(value, float):
        return int(Decimal(repr(value))) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {name: _settle(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_settle(held) for held in value]
    return value
