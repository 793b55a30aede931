"""Send the documents of a case and the files added to it."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from flows.selectors import find_artifact_of_run
from reviews.files import artifact_response, attachment_response
from reviews.models import Case
from reviews.rules.documents import get_artifact_digest
from reviews.services.receipts import list_files
from reviews.views.gate import case_view


@require_GET
@case_view("cases.view")
def document(request: HttpRequest, case: Case, document_id: str) -> HttpResponseBase:
    """Send a document in a sandbox: it is the applicant's file, not a page of this site."""
    found = next((d for d in list_files(case.shown) if d["id"] == document_id), None)
    digest = get_artifact_digest(found.get("artifact")) if found else ""
    artifact = find_artifact_of_run(digest, case.run_id) if digest else None
    if artifact is None:
        raise Http404("The case has no such document.")
    return artifact_response(artifact, document_id)


@require_GET
@case_view("cases.view")
def attachment(request: HttpRequest, case: Case, attachment_id: int) -> HttpResponseBase:
    return attachment_response(case, attachment_id)
