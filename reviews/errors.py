"""The errors of acts on cases. Each names the condition and says what to do."""


class ReviewError(Exception):
    """Base of the review errors. ``code`` is stable and goes into API answers."""

    code = "review_error"
    status = 409


class MoveNotAllowed(ReviewError):
    """The case is not in a state for this."""

    code = "move_not_allowed"


class CaseStale(ReviewError):
    """The case changed since you looked at it: look at what changed, then do it again."""

    code = "case_stale"


class CaseAlreadyDecided(ReviewError):
    """The case is decided: open the next one."""

    code = "case_already_decided"


class CaseClosed(ReviewError):
    """The case ended without a decision of a person: open the next one."""

    code = "case_closed"


class CaseHeldByOther(ReviewError):
    """Someone else holds the case: open the next one, or ask a team lead to reassign it."""

    code = "case_held_by_other"


class LeaseExpired(ReviewError):
    """Your claim ran out and the case went back to its queue: claim it again to go on."""

    code = "lease_expired"


class NotAuthorised(ReviewError):
    """You may not do this to this case."""

    code = "not_authorised"
    status = 403


class DecisionInvalid(ReviewError):
    """The decision lacks something. ``problems`` maps each field to what to do."""

    code = "decision_invalid"
    status = 422

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


class CommentTooLarge(DecisionInvalid):
    """The files of the comment are too large together."""

    code = "comment_too_large"
    status = 413


class CaseFilesFull(DecisionInvalid):
    """The case has as many files as it may, or as many bytes in them."""

    code = "case_files_full"
    status = 413


class UploadsExceeded(DecisionInvalid):
    """The person has uploaded as much as they may in an hour."""

    code = "uploads_too_many"
    status = 429


class UndoTooLate(ReviewError):
    """The decision is final: a second person can reopen it."""

    code = "undo_too_late"


class WorkLimitReached(ReviewError):
    """You hold as many cases as you may: decide or release one first."""

    code = "work_limit_reached"


class PersonAway(ReviewError):
    """The person is away and nobody covers: choose someone else."""

    code = "person_away"


class PersonUnfit(ReviewError):
    """The person may not decide this case: choose someone else."""

    code = "person_unfit"
    status = 422


class AbsenceInvalid(ReviewError):
    """The absence cannot be planned like this. ``field`` is what to correct."""

    code = "absence_invalid"
    status = 422

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class SettingsInvalid(ReviewError):
    """Settings of a queue, policy or calendar are invalid. ``problems`` maps field to remedy."""

    code = "settings_invalid"
    status = 422

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


class QueueMissing(ReviewError):
    """There is no queue of that name: create it, or correct the step's `queue`."""

    code = "queue_missing"
    status = 404


class SlaPolicyMissing(ReviewError):
    """There is no SLA policy of that name: create it, or correct the step's `sla`."""

    code = "sla_policy_missing"
    status = 404


class FirstChoiceMissing(ReviewError):
    """This case is decided independently first: record a first choice, then decide."""

    code = "first_choice_missing"
