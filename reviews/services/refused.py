"""Note in the ledger that somebody was refused an act on a case."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from reviews.errors import NotAuthorised, PersonUnfit
from reviews.selectors.acting import Acting
from workbench.audit.refusals import Refusal, note_refusal

Service = TypeVar("Service", bound=Callable[..., Any])
# Refused for who they are: rights, authority, eligibility, four eyes. A stale page is no such case.
OF_WEIGHT = (NotAuthorised, PersonUnfit)


def notes_refusals(act: str) -> Callable[[Service], Service]:
    """Have a service that takes ``case_id`` and ``acting`` note whom it refused to ``act``.

    Each service that acts on a case for a person has this.
    """

    def note(service: Service) -> Service:
        @wraps(service)
        def noting(*, case_id: int, acting: Acting, **rest: Any) -> Any:
            try:
                return service(case_id=case_id, acting=acting, **rest)
            except OF_WEIGHT as error:
                payload = {"case": case_id, "act": act, "reason": str(error)}
                case = ("case", str(case_id))
                note_refusal(Refusal("case.act_refused", case, acting.actor, payload))
                raise

        noting.notes_refusals = act  # type: ignore[attr-defined]
        return noting  # type: ignore[return-value]

    return note
