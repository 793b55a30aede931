"""What real model servers took and gave, kept beside this file for tests without the servers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Json = Any
FOLDER = Path(__file__).with_name("recordings")


@dataclass(frozen=True)
class Exchange:
    """One call, and its answer as it came: ``text`` is the body."""

    method: str
    path: str
    body: Json
    status: int
    media_type: str
    text: str


@dataclass(frozen=True)
class Recording:
    """What a server was asked by a connection of this kind with these options.

    ``singles`` are about ``inputs``, one each, ``batch`` is about all of them in one call, and
    ``refused`` about an input that the model cannot take.
    """

    name: str
    versions: Mapping[str, str]
    kind: str
    options: Mapping[str, Json]
    parameters: Mapping[str, Json]
    inputs: list[Json]
    health: Exchange
    singles: list[Exchange]
    refused: Exchange
    batch: Exchange | None = None
    # Where the probability of "good" is in the connection's output.
    probability_at: str = field(default="")

    @property
    def exchanges(self) -> list[Exchange]:
        batch = [] if self.batch is None else [self.batch]
        return [self.health, *self.singles, self.refused, *batch]

    def save(self) -> None:
        path = FOLDER / f"{self.name.replace(',', '').replace(' ', '_')}.json"
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")


def list_recordings() -> list[Recording]:
    return [_read(json.loads(path.read_text())) for path in sorted(FOLDER.glob("*.json"))]


def _read(data: dict[str, Json]) -> Recording:
    for name in ("health", "refused"):
        data[name] = Exchange(**data[name])
    data["singles"] = [Exchange(**each) for each in data["singles"]]
    data["batch"] = Exchange(**data["batch"]) if data["batch"] else None
    return Recording(**data)
