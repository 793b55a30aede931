"""The header `Idempotency-Key` of a POST: the same key and request get the same answer.

The key is claimed in a transaction of its own, so that a second request sees it at once. The route
then runs in one transaction with the storing of its answer: after a crash at any moment either
both are there or neither.

Only what was done is kept. What refused a request may pass: the flow is resumed, the object made,
the role granted. So a refusal frees the key.
"""

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from workbench.accounts.models import ApiToken, IdempotentRequest
from workbench.accounts.permissions import Principal
from workbench.dispatch.sweeps import Sweep
from workbench.http.problems import ApiProblem
from workbench.http.reading import get_body_bytes

KEPT_FOR = timedelta(hours=48)
# The process of a claim that has had no answer for this long is taken for dead.
ABANDONED_AFTER = timedelta(minutes=5)
LONGEST_KEY = 200
PRUNE_BATCH = 1000
REFUSED, SERVER_ERROR = 400, 500
# Stands for the content type of an answer that is not kept.
SHOWN_ONCE = "shown-once"
_KEPT_BACK = "answer_is_kept_back"
Route = TypeVar("Route", bound=Callable[..., Any])
# Of these nothing that the route wrote stands. Other refusals may have written something, such as
# that a claim of a case ran out.
ROLLED_BACK = frozenset({401, 403, 429})


def shows_once(route: Route) -> Route:
    """Have a route's answer not kept for a repetition, as it holds a secret in plain text."""

    @wraps(route)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        setattr(request, _KEPT_BACK, True)
        return route(request, *args, **kwargs)

    return shown  # type: ignore[return-value]


def runs_outside_transaction(route: Route) -> Route:
    """Have a route run outside of any transaction, as it waits for a server of somebody else.

    A crash before its answer is kept then leaves what it wrote. Put it lowest.
    """
    route.outside_transaction = True  # type: ignore[attr-defined]
    return route


def answer_once(
    request: HttpRequest,
    key: str,
    principal: Principal,
    now: datetime,
    run: Callable[[], HttpResponse],
    *,
    outside: bool = False,
) -> HttpResponse:
    """Run the request, or return the answer that it got before.

    With ``outside`` it runs outside of a transaction, and only its answer is kept in one.

    Raises: ApiProblem: 422 for a key used with another request, 409 while the first one runs.
    """
    _check_key(key)
    claim, ours = _claim(request, key, _name(principal), now)
    if not ours:
        return _replay(claim)
    try:
        with nullcontext() if outside else transaction.atomic():
            response = run()
            if response.status_code < REFUSED:
                _keep(claim, response, is_secret=getattr(request, _KEPT_BACK, False))
                return response
            if not outside and _stands_for_nothing(response.status_code):
                transaction.set_rollback(True)
    except BaseException:
        claim.delete()
        raise
    claim.delete()
    return response


def prune(now: datetime) -> int:
    """Delete answers older than 48 hours, a batch at a time. Return how many."""
    sweep = Sweep("accounts.prune_idempotent_requests", now)
    old = IdempotentRequest.objects.filter(created_at__lt=now - KEPT_FOR)
    old = old.exclude(pk__in=sweep.ids_passed_over())
    ids = list(old.values_list("pk", flat=True)[:PRUNE_BATCH])
    sweep.together(
        ids, lambda some: IdempotentRequest.objects.filter(pk__in=some).delete(), key=str
    )
    if len(ids) < PRUNE_BATCH:
        sweep.forget_gone()
    return len(ids) - sweep.failures


def _stands_for_nothing(status: int) -> bool:
    """Return whether nothing stands of what a route wrote before it answered so."""
    return status >= SERVER_ERROR or status in ROLLED_BACK


def _check_key(key: str) -> None:
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise ApiProblem(
            422,
            "idempotency-key-invalid",
            "The Idempotency-Key cannot be used.",
            f"Send 1 to {LONGEST_KEY} printable characters, such as a UUID.",
        )


def _claim(
    request: HttpRequest, key: str, principal: str, now: datetime
) -> tuple[IdempotentRequest, bool]:
    """Return the claim of the key, and whether this request is to run and answer."""
    digest = _digest(request)
    named = {"principal": principal, "key": key, "route": request.path}
    try:
        with transaction.atomic():
            claim = IdempotentRequest.objects.create(
                **named, request_digest=digest, status=None, created_at=now
            )
            return claim, True
    except IntegrityError:
        known = IdempotentRequest.objects.filter(**named).first()
    if known is None:  # its request failed a moment ago, which freed the key
        return _claim(request, key, principal, now)
    if known.request_digest != digest:
        raise ApiProblem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used with another request.",
            "Use a new key for each request, and the same key only to repeat it unchanged.",
        )
    return known, known.status is None and _take_over(known, now)


def _take_over(claim: IdempotentRequest, now: datetime) -> bool:
    """Return True if its process is taken for dead. Raises: ApiProblem (409) if it may run."""
    abandoned = IdempotentRequest.objects.filter(
        pk=claim.pk, status=None, created_at__lt=now - ABANDONED_AFTER
    )
    if abandoned.update(created_at=now) != 1:
        raise ApiProblem(
            409,
            "request-in-progress",
            "The first request with this Idempotency-Key is still running.",
            "Wait a moment, then repeat it to get the answer.",
            headers={"Retry-After": "1"},
        )
    return True


def _keep(claim: IdempotentRequest, response: HttpResponse, *, is_secret: bool) -> None:
    claim.status = response.status_code
    claim.content_type = SHOWN_ONCE if is_secret else response.headers.get("Content-Type", "")
    claim.body = b"" if is_secret else response.content
    claim.save(update_fields=["status", "content_type", "body"])


def _replay(claim: IdempotentRequest) -> HttpResponse:
    assert claim.status is not None
    if claim.content_type == SHOWN_ONCE:
        raise ApiProblem(
            409,
            "answer-shown-once",
            "This request was done. Its answer held a secret, which is shown once and not kept.",
            "Read what was made; if its secret is lost, remove it and make another.",
        )
    return HttpResponse(
        bytes(claim.body),
        status=claim.status,
        content_type=claim.content_type,
        headers={"Idempotent-Replayed": "true"},
    )


def _digest(request: HttpRequest) -> str:
    named = (request.get_full_path().encode(), (request.content_type or "").encode())
    parts = (*named, get_body_bytes(request))
    return hashlib.sha256(b"\x00".join(parts)).hexdigest()


def _name(principal: Principal) -> str:
    """Return ``user:12`` or ``token:7``."""
    kind = "token" if isinstance(principal, ApiToken) else "user"
    return f"{kind}:{principal.pk}"
