"""An act on many runs that goes on after its actor lost the right to it."""

from typing import Any

import pytest
from django.utils import timezone

from flows.models import BulkAct, Run
from flows.selectors.run_filters import RunFilters
from flows.services.bulk import Act, start_bulk_act, work_off_chunk
from tests.factories.flows import make_flow
from tests.factories.people import make_person
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role, RoleGrant
from workbench.accounts.permissions import reach

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("left", "cancelled"), [({}, []), ({"flow_name": "one"}, ["one"])], ids=["nothing", "a flow"]
)
def test_an_act_does_not_go_on_where_its_actor_may_not_any_more(
    left: dict[str, Any], cancelled: list[str]
) -> None:
    user, now = make_person("ops", Role.OPERATOR), timezone.now()
    for name in ("one", "two"):
        flow = make_flow(name)
        Run.objects.create(flow=flow, version=flow.released, seq=1, started_at=now)
    start_bulk_act(
        act=Act.CANCEL, filters=RunFilters(), within=reach(user, "runs.operate"),
        actor=Actor.user(user), now=now,
    )  # fmt: skip
    RoleGrant.objects.all().delete()
    if left:
        RoleGrant.objects.create(user=user, role=Role.OPERATOR, granted_at=now, **left)
    work_off_chunk({"bulk": BulkAct.objects.get().pk, "after": 0}, now)
    assert BulkAct.objects.get().status == "completed"
    ended = Run.objects.filter(status="cancelled").values_list("flow__name", flat=True)
    assert list(ended) == cancelled
