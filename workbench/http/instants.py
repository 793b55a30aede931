"""The type of an instant in a query or a body: one reader, with bounds and an offset."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator

from workbench.values.times import read_instant


def _read(value: Any) -> Any:
    """Return the instant in UTC. Raises: ValueRefused, which names the form to write."""
    return read_instant(value) if isinstance(value, str) else value


# A date alone, a time without an offset, and years that no database computes with are refused.
Instant = Annotated[datetime, BeforeValidator(_read)]
