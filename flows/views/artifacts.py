"""Serve artifacts, so that what a stranger uploaded cannot act as one of our pages."""

from functools import partial

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from flows import selectors
from flows.models import RunArtifact
from flows.runtime.artifacts import open_artifact
from flows.runtime.labels import UNKNOWN_TYPE
from flows.views.requests import get_run_reach, positive_number
from workbench.accounts.gate import requires
from workbench.http.sending import send_file

# What a browser shows without executing it. The bundled viewer fetches and shows PDF.
SHOWN = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain", "audio/mpeg", "audio/wav"}
)


@requires("runs.view", scope="rows")
@require_GET
def artifact(request: HttpRequest, digest: str) -> HttpResponseBase:
    """Return a stored payload that the run ``?run=`` holds, if the person may see that run."""
    run_id = positive_number(request.GET.get("run", ""))
    try:
        found = selectors.get_artifact(digest, run_id=run_id or 0, within=get_run_reach(request))
    except RunArtifact.DoesNotExist:
        raise Http404("There is no such artifact, or no run that you may see holds it.") from None
    shown = found.media_type in SHOWN and request.GET.get("download") != "1"
    keeps_type = shown or found.media_type == "application/pdf"
    response = send_file(
        request,
        partial(open_artifact, found.artifact),
        size=found.artifact.size,
        digest=digest,
        as_attachment=not shown,
        filename=found.name or digest[:12],
        content_type=found.media_type if keeps_type else UNKNOWN_TYPE,
    )
    response["X-Content-Type-Options"] = "nosniff"
    # Replaces the policy of our own pages: no script, no request, no form, an origin of its own.
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'none'"
    response["Cache-Control"] = "private, max-age=3600, immutable"
    return response
