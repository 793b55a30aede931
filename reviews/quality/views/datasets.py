"""The page of datasets: make a version, verify it, download it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.models.quality import DatasetVersion
from reviews.quality.formats import FORMATS
from reviews.quality.forms import DatasetForm
from reviews.quality.selectors.lists import list_datasets
from reviews.quality.selectors.scope import filter_choices
from reviews.quality.services.datasets import create_dataset, open_dataset, reproduce_digest
from reviews.selectors.acting import make_acting
from workbench.accounts.gate import principal_of, requires
from workbench.http.sending import SentFile

UNPROCESSABLE = 422


@require_GET
@requires("datasets.export", scope="installation")
def datasets(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "versions": list_datasets(),
        "choices": filter_choices(principal_of(request), people=False),
        "formats": FORMATS,
        **more,
    }
    return render(request, "reviews/quality/datasets.html", context, status=status)


@require_POST
@requires("datasets.export", scope="installation")
def create(request: HttpRequest) -> HttpResponse:
    form = DatasetForm(request.POST)
    if not form.is_valid():
        return _page(request, UNPROCESSABLE, bad=form)
    try:
        version = create_dataset(
            name=form.cleaned_data["name"],
            wanted=form.filter(),
            note=form.cleaned_data["note"],
            acting=make_acting(principal_of(request)),
            now=timezone.now(),
        )
    except ReviewError as error:
        return _page(request, error.status, error=str(error), bad=form)
    messages.success(request, f"{version.name}, version {version.number}: {version.count:,} rows.")
    return redirect("quality:datasets")


@require_POST
@requires("datasets.export", scope="installation")
def verify(request: HttpRequest, version_id: int) -> HttpResponse:
    """Make the rows anew and compare them; they differ if decisions were erased since."""
    version = get_object_or_404(DatasetVersion, pk=version_id)
    if reproduce_digest(version) == version.digest:
        messages.success(request, f"{version} was made again from its filter: the same digest.")
    else:
        messages.warning(
            request,
            f"{version} cannot be made again: decisions were erased since. The file stands.",
        )
    return redirect("quality:datasets")


@require_GET
@requires("datasets.export", scope="installation")
def download(request: HttpRequest, version_id: int, form: str) -> HttpResponseBase:
    if form not in FORMATS:
        raise Http404(f"There is no form {form}: use {', '.join(FORMATS)}.")
    version = get_object_or_404(DatasetVersion, pk=version_id)
    try:
        file = open_dataset(
            version=version,
            form=form,
            acting=make_acting(principal_of(request)),
            now=timezone.now(),
        )
    except ReviewError as error:
        messages.warning(request, str(error))
        return redirect("quality:datasets")
    name = f"{version.name}-v{version.number}.{form}"
    response = SentFile(file, as_attachment=True, filename=name, content_type=FORMATS[form])
    response["X-Content-Type-Options"] = "nosniff"
    return response
