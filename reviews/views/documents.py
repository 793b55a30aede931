"""Send the documents of a case and the files added to it."""

from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from reviews.files import attachment_response, evidence_response
from reviews.models import Case
from reviews.rules.documents import list_documents
from reviews.selectors.acting import make_acting
from reviews.views.gate import case_view
from workbench.accounts.gate import principal_of


@require_GET
@case_view("cases.view")
def document(request: HttpRequest, case: Case, document_id: str) -> HttpResponseBase:
    """Send a document in a sandbox: it is the applicant's file, not a page of this site."""
    user = make_acting(principal_of(request)).user
    return evidence_response(request, case, document_id, user, timezone.now())


@require_GET
@case_view("cases.view")
def document_words(request: HttpRequest, case: Case, document_id: str) -> JsonResponse:
    """Send the words of a document's pages; ``image`` is where the image of a page is, if any."""
    found = next((each for each in list_documents(case.shown) if each["id"] == document_id), None)
    if found is None:
        raise Http404("The case has no such document.")
    pages = [
        {**page, "image": page.get("image") and _locate_page(case, document_id, page["number"])}
        for page in found.get("words") or ()
    ]
    return JsonResponse({"pages": pages})


def _locate_page(case: Case, document_id: str, number: int) -> str:
    return reverse("reviews:document-page", args=(case.pk, document_id, number))


@require_GET
@case_view("cases.view")
def document_page(
    request: HttpRequest, case: Case, document_id: str, number: int
) -> HttpResponseBase:
    """Send the image of a page, upright, as `document.read` has kept it."""
    user = make_acting(principal_of(request)).user
    return evidence_response(request, case, document_id, user, timezone.now(), page=number)


@require_GET
@case_view("cases.view")
def attachment(request: HttpRequest, case: Case, attachment_id: int) -> HttpResponseBase:
    return attachment_response(request, case, attachment_id)
