"""An agent's conversation as the API gives it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import Field

from flows.agents.talks import get_talk, is_agent
from flows.models import Run


class CallOut(Schema):
    tool: str
    arguments: Any
    result: str | None = Field(description="What the model was told; null until then.")
    state: str = Field(description="handed_out, done, failed, refused; empty: it was not made.")
    seconds: float | None
    decision: str = Field(description="The outcome of its case; `waiting`; empty: nobody is asked.")
    comment: str
    decided_by: str
    changes: int = Field(description="How many arguments a person has changed.")


class SpokenOut(Schema):
    who: str = Field(description="system, user, assistant or tool.")
    text: str
    calls: list[CallOut]
    number: int = Field(description="The number of the model's turn; 0 for what others say.")
    at: datetime | None
    seconds: float | None
    tokens: int | None
    cost: float | None
    model: str


class TalkOut(Schema):
    spoken: list[SpokenOut]
    turns: int
    calls: int
    tokens: int
    cost: float
    ended: str = Field(description="The limit that ended it; empty if none did.")
    missing: str = Field(description="The artifact that held the words and is not there any more.")


def talk_out(run: Run) -> dict[str, Any] | None:
    """Return the conversation of an agent's run, None for other runs: five queries at most."""
    return asdict(get_talk(run)) if is_agent(run) else None
