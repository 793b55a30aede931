"""Check that an API request may act on the quality of a flow or queue."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from workbench.accounts.gate import principal_of
from workbench.accounts.permissions import can


def check_leads(request: HttpRequest, *, flow: str | None = None, queue: str | None = None) -> None:
    """Raises: PermissionDenied for a flow or queue that the principal does not lead."""
    if not can(principal_of(request), "quality.manage", flow=flow, queue=queue):
        raise PermissionDenied("This needs the permission quality.manage on this flow and queue.")
