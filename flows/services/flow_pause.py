"""Pause a whole flow, and resume it."""

from datetime import datetime

from django.db import transaction

from flows.models import BulkAct, Flow
from flows.selectors.run_filters import RunFilters
from flows.services.bulk import Act, start_bulk_act
from flows.store.doorbell import ring_on_commit
from workbench.accounts.actors import Actor
from workbench.accounts.permissions import EVERYWHERE
from workbench.audit.services import record
from workbench.live import nudge_on_commit


@transaction.atomic
def pause_flow(*, flow_id: int, actor: Actor, now: datetime) -> BulkAct:
    """Take no new runs, and pause the flow's runs in bulk; steps under way finish."""
    flow = _set_paused(flow_id, now, actor, "flow.paused", now)
    return _start_for_runs_of(Act.PAUSE, flow, actor, now)


@transaction.atomic
def resume_flow(*, flow_id: int, actor: Actor, now: datetime) -> BulkAct:
    """Take new runs again, and resume the paused ones in bulk."""
    flow = _set_paused(flow_id, None, actor, "flow.resumed", now)
    ring_on_commit()
    return _start_for_runs_of(Act.RESUME, flow, actor, now)


def _start_for_runs_of(act: Act, flow: Flow, actor: Actor, now: datetime) -> BulkAct:
    filters = RunFilters(flow=flow.name)
    return start_bulk_act(act=act, filters=filters, within=EVERYWHERE, actor=actor, now=now)


def _set_paused(
    flow_id: int, paused_at: datetime | None, actor: Actor, action: str, now: datetime
) -> Flow:
    flow = Flow.objects.select_for_update(of=("self",)).get(pk=flow_id)
    flow.paused_at = paused_at
    flow.save(update_fields=["paused_at"])
    record(action=action, subject=("flow", flow.name), actor=actor, payload={}, now=now)
    nudge_on_commit([f"flow.{flow.name}"], {"paused": paused_at is not None})
    return flow
