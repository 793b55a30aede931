"""Send the documents of a case and the files added to it."""

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from reviews.files import attachment_response, evidence_response
from reviews.models import Case
from reviews.selectors.acting import make_acting
from reviews.views.gate import case_view
from workbench.accounts.gate import principal_of


@require_GET
@case_view("cases.view")
def document(request: HttpRequest, case: Case, document_id: str) -> HttpResponseBase:
    """Send a document in a sandbox: it is the applicant's file, not a page of this site."""
    user = make_acting(principal_of(request)).user
    return evidence_response(case, document_id, user, timezone.now())


@require_GET
@case_view("cases.view")
def attachment(request: HttpRequest, case: Case, attachment_id: int) -> HttpResponseBase:
    return attachment_response(case, attachment_id)
