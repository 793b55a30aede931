"""The tables of flows and their runs."""

from flows.models.answers import RecordedAnswer
from flows.models.bulk import BulkAct, BulkStatus
from flows.models.flows import DocumentField, DraftOperation, Flow, FlowVersion, PublishRule
from flows.models.machinery import Artifact, ArtifactUpload, Event, RunArtifact, Worker
from flows.models.masked import MaskedValue
from flows.models.runs import (
    WHOLE_RUNS,
    Journal,
    KeptResult,
    Run,
    RunStatus,
    Timer,
    Token,
    TokenState,
    Wait,
    WaitState,
)
from flows.models.uploads import PartialUpload

__all__ = [
    "WHOLE_RUNS",
    "Artifact",
    "ArtifactUpload",
    "BulkAct",
    "BulkStatus",
    "DocumentField",
    "DraftOperation",
    "Event",
    "Flow",
    "FlowVersion",
    "Journal",
    "KeptResult",
    "MaskedValue",
    "PartialUpload",
    "PublishRule",
    "RecordedAnswer",
    "Run",
    "RunArtifact",
    "RunStatus",
    "Timer",
    "Token",
    "TokenState",
    "Wait",
    "WaitState",
    "Worker",
]
