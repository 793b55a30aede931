"""Answer what can be wrong with an act of review as problem+json, each with a remedy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from reviews import errors
from workbench.http.problems import ApiProblem, map_error, map_error_by

REMEDIES: dict[type[errors.ReviewError], str] = {
    errors.MoveNotAllowed: "Read the case to see its state.",
    errors.CaseStale: "Read the case, then send the revision it has now.",
    errors.CaseAlreadyDecided: "Read the case for its decision; take the next one.",
    errors.CaseClosed: "Take the next case.",
    errors.CaseHeldByOther: "Take the next case, or have a team lead reassign this one.",
    errors.LeaseExpired: "Claim the case again, then repeat the request.",
    errors.NotAuthorised: "Have someone decide who may, or escalate the case.",
    errors.UndoTooLate: "A committed decision stands.",
    errors.WorkLimitReached: "Decide or release a case that is held.",
    errors.PersonAway: "Name someone who is there, or have a cover planned.",
    errors.PersonUnfit: "Name someone who may decide the case.",
    errors.FirstChoiceMissing: "Send the outcome to /first-choice, read the answer, decide.",
}


def map_errors(remedies: Mapping[type[errors.ReviewError], str]) -> None:
    """Answer each of these errors with its own status and code, and this remedy."""
    for error, remedy in remedies.items():
        map_error(error, status=error.status, code=error.code.replace("_", "-"), remedy=remedy)


@contextmanager
def report_faults() -> Iterator[None]:
    """Answer a decision that lacks something with the list of what it lacks."""
    try:
        yield
    except errors.DecisionInvalid as error:
        found = [{"at": at, "message": message} for at, message in error.problems.items()]
        remedy = "Correct the fields named in errors; the case's `rules` say what is asked."
        raise ApiProblem(422, "decision-invalid", str(error), remedy, found) from error


def _review_problem(error: errors.ReviewError) -> ApiProblem:
    """Return the problem for a refusal that has no remedy of its own; its message has one."""
    detail = str(error) or (error.__doc__ or "").strip()
    found = [
        {"at": at, "message": message} for at, message in getattr(error, "problems", {}).items()
    ]
    return ApiProblem(error.status, error.code.replace("_", "-"), detail, "", found)


map_error_by(errors.ReviewError, _review_problem)
map_errors(REMEDIES)
