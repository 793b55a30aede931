"""The tables of reviews: queues, cases, decisions, and what belongs to them."""

from reviews.models.cases import (
    ACTIVE_STATES,
    CLAIMABLE_STATES,
    OPEN_ENDED,
    Case,
    CaseDraft,
    Decision,
    DecisionKind,
    DecisionState,
)
from reviews.models.conversation import (
    Attachment,
    CaseEvent,
    CaseLook,
    Comment,
    InformationRequest,
    Serving,
)
from reviews.models.links import (
    CaseLink,
    Purpose,
)
from reviews.models.notices import (
    KINDS_FOR_DESTINATIONS,
    Destination,
    DestinationKind,
    Kind,
    Notice,
)
from reviews.models.parties import (
    CaseParty,
    Part,
)
from reviews.models.quality import (
    CheckKind,
    CheckState,
    DatasetVersion,
    DecisionFact,
    FirstChoice,
    KnownAnswer,
    QualityCheck,
    QueuePolicy,
    SampledRun,
    SampleState,
    SamplingPolicy,
    percent_between,
)
from reviews.models.queues import BreachAction, Queue, Reviewer, SlaPolicy, WorkCalendar
from reviews.models.states import (
    ACTIVE,
    CLAIMABLE,
    CLOSED,
    CaseState,
    check_move,
)
from reviews.models.team import (
    Absence,
    Delegation,
    SavedView,
)

__all__ = [
    "ACTIVE",
    "ACTIVE_STATES",
    "CLAIMABLE",
    "CLAIMABLE_STATES",
    "CLOSED",
    "KINDS_FOR_DESTINATIONS",
    "OPEN_ENDED",
    "Absence",
    "Attachment",
    "BreachAction",
    "Case",
    "CaseDraft",
    "CaseEvent",
    "CaseLink",
    "CaseLook",
    "CaseParty",
    "CaseState",
    "CheckKind",
    "CheckState",
    "Comment",
    "DatasetVersion",
    "Decision",
    "DecisionFact",
    "DecisionKind",
    "DecisionState",
    "Delegation",
    "Destination",
    "DestinationKind",
    "FirstChoice",
    "InformationRequest",
    "Kind",
    "KnownAnswer",
    "Notice",
    "Part",
    "Purpose",
    "QualityCheck",
    "Queue",
    "QueuePolicy",
    "Reviewer",
    "SampleState",
    "SampledRun",
    "SamplingPolicy",
    "SavedView",
    "Serving",
    "SlaPolicy",
    "WorkCalendar",
    "check_move",
    "percent_between",
]
