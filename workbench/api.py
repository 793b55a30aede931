"""The HTTP API under /api/v1/, composed of the routers of all apps."""

from importlib import import_module

from workbench.audit.api import router as audit_router
from workbench.http.errors import add_error_handlers
from workbench.http.gateway import GuardedApi
from workbench.http.sign_in import BearerToken, PageSession
from workbench.people.api import router as account_router
from workbench.secrets.api import router as secrets_router

DESCRIPTION = """\
Send an API token as `Authorization: Bearer csn_…`. Errors are problem+json (RFC 9457) with a
`remedy`. Every POST takes an `Idempotency-Key`: repeat the request unchanged within 48 hours and
you get the same answer. Lists come in pages: pass `next` as `cursor` to get the next one.
"""

api = GuardedApi(
    title="Countersign",
    version="1",
    description=DESCRIPTION,
    auth=[BearerToken(), PageSession()],
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="api-v1",
)
add_error_handlers(api)
api.add_router("", account_router)
api.add_router("/audit", audit_router)
api.add_router("", secrets_router)
_ROUTERS = (
    "flows.api.flows",
    "flows.api.runs",
    "flows.api.masked_values",
    "flows.api.artifacts",
    "flows.api.operations",
    "flows.api.bulk",
    "flows.triggers.api",
    "flows.connections.api",
    "flows.assets.api",
    "flows.assets.policies.api",
    "flows.costs.api",
    "flows.drift.api",
    "flows.events.api",
    "flows.health.api",
    "flows.backtest.api",
    "flows.publishing.api",
    "flows.testing.api",
    "reviews.api.queues",
    "reviews.api.cases",
    "reviews.api.decisions",
    "reviews.api.conversation",
    "reviews.api.bulk",
    "reviews.api.attachments",
    "reviews.outside.api",
    "reviews.team.api.team",
    "reviews.team.api.absences",
    "reviews.team.api.saved_views",
    "reviews.notices.api",
    "reviews.settings.api.queues",
    "reviews.settings.api.calendars",
    "reviews.settings.api.policies",
    "reviews.quality.api.figures",
    "reviews.quality.api.checks",
    "reviews.quality.api.policies",
    "reviews.quality.api.calibration",
    "reviews.quality.api.known_answers",
    "reviews.quality.api.datasets",
)
for _name in _ROUTERS:
    # By name, so that only this list decides the order. A misspelt name fails at start-up.
    api.add_router("", import_module(_name).router)
