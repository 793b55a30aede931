"""Acts on many runs: what was asked for, and how far it is."""

from django.db.models import QuerySet

from flows.models import BulkAct
from workbench.accounts.permissions import Reach


def list_bulk_acts(within: Reach) -> QuerySet[BulkAct]:
    """Return the acts on flows within reach, newest first.

    One that names no flow is seen only by who may operate all of them.
    """
    acts = BulkAct.objects.order_by("-pk")
    if within.everywhere:
        return acts
    return acts.filter(filters__flow__in=[flow for flow, _ in within.scopes if flow])


def get_bulk_act(bulk_id: int, within: Reach) -> BulkAct:
    """Return one act: one query. Raises: BulkAct.DoesNotExist."""
    return list_bulk_acts(within).get(pk=bulk_id)
