"""What people set of a connection: one form for the page, the API and files."""

from typing import Any

from pydantic import Field

from flows.connections.models import Connection
from workbench.http.revisions import digest
from workbench.http.schemas import Strict

Json = Any
PRICES = ("input", "output", "call", "second")
MOST_FLOWS = 500
LONGEST_TIMEOUT_SECONDS = 600


class Prices(Strict):
    """In the currency of the installation."""

    input: float = Field(0, ge=0, lt=1_000_000, description="For 1,000 tokens of input.")
    output: float = Field(0, ge=0, lt=1_000_000, description="For 1,000 tokens of output.")
    call: float = Field(0, ge=0, lt=1_000_000, description="For each call.")
    second: float = Field(0, ge=0, lt=1_000_000, description="For each second of a call.")


class ModelCard(Strict):
    """What people should know of the model before they rely on it."""

    purpose: str = Field("", description="What it is for, and what it is not for.")
    owner: str = Field("", max_length=200, description="Who answers for it.")
    version: str = Field("", max_length=200, description="Recorded where the server states none.")
    training_data: str = Field("", description="What it was made from, and until when.")
    measures: str = Field("", description="How good it is, measured on what.")
    limits: str = Field("", description="Where it fails or must not be used.")
    review_on: str = Field(
        "", pattern=r"^(\d{4}-\d{2}-\d{2})?$", description="The day of its next review."
    )


class ConnectionSettings(Strict):
    title: str = Field(min_length=1, max_length=120, pattern=r"\S")
    kind: str = Field(min_length=1, max_length=40, examples=["http"])
    address: str = Field(min_length=1, max_length=500, examples=["https://models.example.com"])
    served_as: str = Field("", max_length=200, description="The server's own name for the model.")
    secret_name: str = Field(
        "", max_length=120, description="A secret with `connection:NAME` among its uses."
    )
    options: dict[str, Any] = Field({}, description="What its kind needs beside the address.")
    parameters: dict[str, Any] = Field({}, description="Sent with each question, by default.")
    timeout_seconds: float = Field(30, gt=0, le=LONGEST_TIMEOUT_SECONDS)
    concurrency: int | None = Field(
        None, ge=1, le=10_000, description="How many calls may be under way."
    )
    per_second: float | None = Field(
        None, gt=0, le=100_000, description="How many calls may begin in a second."
    )
    prices: Prices = Field({}, validate_default=True)
    flows: list[str] = Field(
        [], max_length=MOST_FLOWS, description="The flows that may use it; `*` is every flow."
    )
    card: ModelCard = Field({}, validate_default=True)
    input_schema: dict[str, Any] = Field({}, description="JSON Schema of what the model takes.")
    output_schema: dict[str, Any] = Field({}, description="JSON Schema of what the model gives.")
    enabled: bool = True


# Fields of a row and of the settings that have one name and one form.
_SAME = (
    "title", "kind", "address", "served_as", "secret_name", "options", "parameters",
    "timeout_seconds", "concurrency", "per_second", "flows", "input_schema", "output_schema",
    "enabled",
)  # fmt: skip


def settings_of(row: Connection) -> dict[str, Json]:
    """Return a connection's settings as they are written in files and over HTTP."""
    return {
        **{name: getattr(row, name) for name in _SAME},
        "prices": {name: float(getattr(row, f"price_{name}")) for name in PRICES},
        "card": ModelCard.model_validate(
            {name: row.card.get(name, "") for name in ModelCard.model_fields}
        ).model_dump(),
    }


def write_to_row(row: Connection, settings: ConnectionSettings) -> None:
    """Put settings into a row, which is not saved."""
    given = settings.model_dump()
    for name in _SAME:
        setattr(row, name, given[name])
    row.title, row.flows = settings.title.strip(), sorted(set(settings.flows))
    row.card = {name: text for name, text in given["card"].items() if text}
    for name in PRICES:
        setattr(row, f"price_{name}", round(given["prices"][name], 6))


def compute_digest(row: Connection) -> str:
    """Return the digest of what is set: the revision, and what the ledger keeps of it."""
    return digest(settings_of(row))
