"""The gate in front of each page of a case."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase

from reviews.models import Case
from reviews.selectors.cases import get_visible_case
from workbench.accounts.gate import principal_of, requires

CaseView = Callable[..., HttpResponseBase]


def case_view(permission: str) -> Callable[[CaseView], CaseView]:
    """Guard a view of one case and give it the case instead of its id.

    A case that the person may not see is not there for them: 404.
    """

    def guard(view: CaseView) -> CaseView:
        @requires(permission)
        @wraps(view)
        def guarded(request: HttpRequest, case_id: int, **kwargs: Any) -> HttpResponseBase:
            try:
                case = get_visible_case(case_id, principal_of(request), permission)
            except Case.DoesNotExist:
                raise Http404(f"There is no case {case_id} for you.") from None
            return view(request, case, **kwargs)

        return guarded

    return guard
