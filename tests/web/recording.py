"""Which requests leave an entry in the ledger: every one that changes something, or say why not.

``watch`` looks at each request of a web test. One that changed rows must have recorded an entry,
unless its view stands in ``NOT_RECORDED``. A changing view that stands in no list fails
test_recording.py.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import unwrap
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.web.recorded_acts import RECORDED
from workbench.audit.actions import list_actions

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FIRST_ERROR = 400
WRITE = re.compile(r"\s*(INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)

# What is written beside an act, and is none.
BOOKKEEPING = {
    "django_session": "who is signed in; signing in and out is recorded",
    "accounts_idempotentrequest": "the answer to an API request, kept to be repeated",
    "dispatch_outbox": "messages about what was done",
    "flows_partialupload": "pieces of a file; the whole file is recorded",
    "audit_tally": "how often something was refused",
}
LAST_USED = '"last_used_at"'  # an API token shows that it is in use

# Views that may change rows and record nothing, by the reason.
NOT_RECORDED = {
    "reviews.team.views.saved_views.save": "a view for oneself; one that is shared is recorded",
    "reviews.team.api.saved_views.save": "a view for oneself; one that is shared is recorded",
    "reviews.team.views.saved_views.delete": "a view for oneself; one that is shared is recorded",
    "reviews.team.api.saved_views.delete": "a view for oneself; one that is shared is recorded",
    "flows.views.uploads.upload_begin": "nothing is kept yet; the whole file is recorded",
    "flows.views.tour.tour_end": "whether one is shown the tour",
    "reviews.notices.api.read": "whether one has read one's own notices",
    "reviews.notices.views.notices.read_all": "whether one has read one's own notices",
    "reviews.api.cases.look": "what one looks at now; the receipt has what was seen",
    "reviews.views.cases.look": "what one looks at now; the receipt has what was opened",
    "reviews.views.claims.keep": "renews a claim, which is recorded",
    "reviews.api.cases.keep": "renews a claim, which is recorded",
    "reviews.views.decisions.draft": "a draft, which only its author sees",
    "reviews.views.decisions.decide": "recorded when its time to undo has passed",
    "reviews.api.decisions.decide": "recorded when its time to undo has passed",
    "reviews.views.bulk.decide": "recorded when its time to undo has passed",
    "reviews.api.bulk.decide_together": "recorded when its time to undo has passed",
    "reviews.links.views.decide_link": "recorded as a use of the link, and when it is final",
    "flows.editor.views.send_operations": "an edit, which the draft's own history keeps",
    "flows.lab.views.apply_cutoff": "an edit, which the draft's own history keeps",
    "flows.testing.views.flow_tests.delete_flow_test": "an edit, kept by the draft's own history",
    "flows.testing.views.trials.play": "plays a draft and keeps nothing, or one edit of it",
    "flows.testing.views.flow_tests.play_flow_tests": "plays a draft's tests and keeps nothing",
    "flows.assets.views.asset_preview": "shows what a form would make and keeps nothing",
    "flows.testing.api.run_tests": "plays a draft's tests and keeps nothing",
    "flows.editor.preview.evaluate": "works out an expression and keeps nothing",
    "flows.api.bulk.plan_bulk_act": "counts runs and keeps nothing",
    "reviews.settings.views.policies.policy_preview": "a preview",
    "reviews.settings.views.calendars.calendar_preview": "a preview",
    "reviews.settings.views.queues.queue_order": "a preview of the order",
    "reviews.quality.views.datasets.verify": "compares a file with its digest",
    "reviews.quality.api.datasets.verify": "compares a file with its digest",
    "flows.triggers.webhooks.receive_webhook": "the run that it starts is recorded",
    "allauth.account.views.PasswordResetView": "sends a link; its use is recorded",
    "allauth.account.views.ReauthenticateView": "asks for one's password again",
    "allauth.mfa.base.views.ReauthenticateView": "asks for one's second factor again",
    "allauth.mfa.base.views.AuthenticateView": "the sign-in that follows is recorded",
    "allauth.account.views.SignupView": "is closed",
    "workbench.http.gateway.no_such_route": "answers 404",
}


@dataclass
class Written:
    """What a request wrote."""

    tables: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)

    def look(self, sql: str, params: Any, cursor: Any) -> None:
        found = WRITE.match(sql)
        if found is None or (found[1].upper()[0] != "I" and not cursor.rowcount):
            return
        table = found[2]
        if table == "audit_entry":
            texts = {value for value in params or () if isinstance(value, str)}
            self.recorded |= texts.intersection(list_actions())
        elif table not in BOOKKEEPING and not table.startswith("audit_") and LAST_USED not in sql:
            self.tables.add(table)


@contextmanager
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield what was changed without an entry: one line for each request."""
    unrecorded: list[str] = []
    answer = BaseHandler.get_response

    def get_response(self: BaseHandler, request: HttpRequest) -> Any:
        written = Written()
        with connection.execute_wrapper(_make_wrapper(written)):
            response = answer(self, request)
        changed = request.method not in SAFE and response.status_code < FIRST_ERROR
        if changed and written.tables and request.resolver_match:
            name = name_of(request.resolver_match.func, str(request.method))
            wanted = set(RECORDED.get(name, "").split())
            if name not in NOT_RECORDED and not wanted & written.recorded:
                unrecorded.append(
                    f"{request.method} {request.path}: {name} changed {sorted(written.tables)} and "
                    f"recorded {sorted(written.recorded)}, not {sorted(wanted)}."
                )
        return response

    monkeypatch.setattr(BaseHandler, "get_response", get_response)
    yield unrecorded


def _make_wrapper(written: Written) -> Callable[..., Any]:
    def execute_and_look(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        result = execute(sql, params, many, context)
        written.look(sql, params, context["cursor"])
        return result

    return execute_and_look


def name_of(view: Any, method: str) -> str:
    """Return the dotted name of what answers: a function, a class, or a route of the API."""
    for operation in getattr(view, "operations", ()):
        if method in operation.methods:
            view = operation.view_func
    plain = unwrap(view)
    answering = getattr(view, "view_class", getattr(plain, "view_class", plain))
    return f"{answering.__module__}.{getattr(answering, '__qualname__', '')}"


def list_changing_views() -> set[str]:
    """Return the names of the views that take another method than GET."""
    return set(_walk(get_resolver().url_patterns))


def _walk(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield from _names(pattern.callback)


def _names(view: Any) -> Iterator[str]:
    operations = getattr(view, "operations", None)
    if operations is not None:
        for operation in operations:
            for method in set(operation.methods) - SAFE:
                yield name_of(view, method)
    elif _allowed_methods(view) - SAFE:
        yield name_of(view, "POST")


def _allowed_methods(view: Any) -> set[str]:
    """Return what the decorators of a view allow; without any, all methods."""
    if (view_class := getattr(view, "view_class", None)) is not None:
        return {name.upper() for name in ("get", "post", "put") if hasattr(view_class, name)}
    layer = view
    while layer is not None:
        for cell in getattr(layer, "__closure__", None) or ():
            value = cell.cell_contents
            if isinstance(value, list | tuple) and value and _are_methods(value):
                return set(value)
        layer = getattr(layer, "__wrapped__", None)
    return {"GET", "POST"}


def _are_methods(values: list[Any] | tuple[Any, ...]) -> bool:
    return all(isinstance(value, str) and value.isupper() for value in values)
