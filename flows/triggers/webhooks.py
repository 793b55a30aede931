"""Receive webhooks: POST /hooks/<public id>/, signed as Standard Webhooks specifies."""

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from standardwebhooks import Webhook

from flows.services.errors import FlowNotReleased, FlowPaused, InputTooLarge, ServiceError
from flows.triggers.configs import WebhookConfig
from flows.triggers.firing import Fired, fire
from flows.triggers.models import Trigger, TriggerKind
from workbench.accounts.gate import public
from workbench.http.errors import refused_value_problem
from workbench.http.numbers import number_in
from workbench.http.problems import ApiProblem, problem_response
from workbench.secrets.services import SecretUnknown, SecretUnreadable, read_secrets
from workbench.secrets.uses import webhook_use
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any
LONGEST_ID = 200
# The sender tries again; what keeps the flow from taking it may be over by then.
LATER = {"Retry-After": "60"}


@csrf_exempt  # there is no session: the signature authenticates the sender
@public
@require_POST
def receive_webhook(request: HttpRequest, public_id: str) -> HttpResponse:
    """Start a run for a signed message: 202 for a new id, 200 for one that was received before."""
    try:
        trigger, message_id, body = _authenticate(request, public_id)
    except ApiProblem as problem:
        return problem_response(problem)
    # Outside of the try: an error in here is ours, not the sender's.
    fired = fire(
        trigger=trigger, key=message_id, given=body, now=timezone.now(), keep_refused_key=False
    )
    if fired.refusal is not None:
        return problem_response(_to_problem(fired.refusal))
    return _answer(fired)


def _answer(fired: Fired) -> HttpResponse:
    answer = {"run": fired.firing.run_id, "duplicate": not fired.is_new}
    return JsonResponse(answer, status=202 if fired.is_new else 200)


def _authenticate(request: HttpRequest, public_id: str) -> tuple[Trigger, str, Json]:
    """Return trigger, message id and body of a message that is signed. Raises: ApiProblem."""
    found = Trigger.objects.filter(public_id=public_id, kind=TriggerKind.WEBHOOK, enabled=True)
    trigger = found.select_related("flow").first()
    if trigger is None:
        raise ApiProblem(404, "not-found", "There is no webhook here, or it is turned off.")
    if request.content_type != "application/json":
        raise ApiProblem(
            415, "content-type-unsupported", "The body is not JSON.", "Send application/json."
        )
    raw = _read_body(request, WebhookConfig.model_validate(trigger.config).max_bytes)
    _check_signature(trigger, request, raw)
    return trigger, request.headers["webhook-id"], _read_json(raw)


def _read_json(raw: bytes) -> Json:
    """Return the body's value. Raises: ApiProblem."""
    try:
        return read_json(raw)
    except ValueRefused as error:
        problem = refused_value_problem(error)
        assert problem is not None
        raise problem from error


def _read_body(request: HttpRequest, most: int) -> bytes:
    too_large = ApiProblem(
        413, "body-too-large", f"The body is larger than {most:,} bytes.", "Send less."
    )
    declared = request.META.get("CONTENT_LENGTH") or "0"
    # The declared length first, so that what is too large is not read at all.
    if (number_in(declared) or 0) > most:
        raise too_large
    try:
        raw = request.body
    except RequestDataTooBig as error:
        raise too_large from error
    if len(raw) > most:
        raise too_large
    return raw


def _check_signature(trigger: Trigger, request: HttpRequest, raw: bytes) -> None:
    refused = ApiProblem(
        401,
        "signature-invalid",
        "The message is not signed with this webhook's secret, or is older than 5 minutes.",
        "Sign it as Standard Webhooks specifies: webhook-id, webhook-timestamp, webhook-signature.",
    )
    if len(request.headers.get("webhook-id", "")) > LONGEST_ID:
        raise refused
    try:
        use = webhook_use(trigger.flow.name)
        secret = read_secrets([trigger.secret_name], use=use)[trigger.secret_name]
    except (SecretUnknown, SecretUnreadable) as error:
        raise ApiProblem(
            503, "secret-missing", "The webhook's secret cannot be read.", "Tell the operator."
        ) from error
    try:
        Webhook(secret).verify(raw, dict(request.headers), json_parse=False)
    except Exception as error:
        # With a malformed header the library raises whatever its parser raises.
        raise refused from error


def _to_problem(error: Exception) -> ApiProblem:
    detail = str(error)
    remedy = error.remedy if isinstance(error, ServiceError) else "Correct the trigger's input."
    if isinstance(error, FlowPaused | FlowNotReleased):
        return ApiProblem(503, "flow-not-ready", detail, remedy, headers=LATER)
    if isinstance(error, InputTooLarge):
        return ApiProblem(413, "input-too-large", detail, remedy)
    return ApiProblem(422, "input-invalid", detail, remedy)
