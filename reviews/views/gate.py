"""The permission check in front of each page of a case."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from reviews.finding import find_case
from workbench.accounts.gate import requires

CaseView = Callable[..., HttpResponseBase]


def case_view(permission: str) -> Callable[[CaseView], CaseView]:
    """Guard a view of one case and give it the case instead of its id; 404 without permission."""

    def guard(view: CaseView) -> CaseView:
        @requires(permission, scope="rows")
        @wraps(view)
        def guarded(request: HttpRequest, case_id: int, **kwargs: Any) -> HttpResponseBase:
            return view(request, find_case(request, case_id, permission), **kwargs)

        return guarded

    return guard
