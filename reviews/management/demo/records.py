"""Past applications of the demo and the decisions on them, before they are written."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.models import Run
from reviews.models import Case, Decision
from reviews.models.quality import QualityCheck

Json = Any
# The version of the model before today's.
OLDER_VERSION = "2025.2"


@dataclass(slots=True)
class Past:
    """A past application: its run, the outputs by step, and the port by which it left the branch.

    ``version`` is that of the model.
    """

    run: Run
    outputs: dict[str, dict[str, Json]]
    port: str
    at: datetime
    version: str


@dataclass(slots=True)
class Decided:
    """A case with its decision, and the check that the case is, if it is one."""

    past: Past
    case: Case
    decision: Decision
    check: QualityCheck | None = None
