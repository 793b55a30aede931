"""The HTTP API under /api/v1/, composed from the routers of each part."""

from importlib import import_module

from workbench.audit.api import router as audit_router
from workbench.http.gateway import GuardedApi, add_error_answers
from workbench.http.sign_in import BearerToken, PageSession
from workbench.people.api import router as account_router
from workbench.secrets.api import router as secrets_router

DESCRIPTION = """\
Send an API token as `Authorization: Bearer csn_…`. Errors are problem+json (RFC 9457) with a
`remedy`. Every POST takes an `Idempotency-Key`: repeat it unchanged and you get the same answer,
for 48 hours. Lists are paged: pass `next` as `cursor`.
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
add_error_answers(api)
api.add_router("", account_router)
api.add_router("/audit", audit_router)
api.add_router("", secrets_router)
_ROUTERS = (
    "flows.api.flows",
    "flows.api.runs",
    "flows.api.artifacts",
    "flows.api.operations",
    "flows.api.bulk",
    "flows.triggers.api",
    "flows.events.api",
    "flows.health.api",
    "flows.backtest.api",
    "flows.publishing.api",
    "flows.testing.api",
    "reviews.api.cases",
    "reviews.api.decisions",
    "reviews.api.conversation",
    "reviews.api.bulk",
    "reviews.api.attachments",
    "reviews.outside.api",
    "reviews.team.api",
    "reviews.notices.api",
    "reviews.settings.api",
    "reviews.quality.api",
)
for _name in _ROUTERS:
    # By name, so that this list alone decides the order; a name that is misspelt fails at start.
    api.add_router("", import_module(_name).router)
