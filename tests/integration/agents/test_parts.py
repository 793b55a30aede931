"""What the rest of the house does with an agent's run: a part of its flow, not a run of it."""

from typing import Any

import pytest
from django.utils import timezone

from flows import selectors, services
from flows.backtest.selectors import choose_runs
from flows.models import Flow, FlowVersion, Run, Wait
from flows.selectors.last_run import get_last_run
from flows.selectors.run_filters import RunFilters
from flows.selectors.timeline import list_step_runs
from flows.services.decisions_ahead import find_asking_flows
from flows.services.errors import StepUnknown, VersionUnfit
from flows.testing.coverage import read_traffic
from flows.triggers.jobs import start_at_end
from reviews.selectors.cases import draw_run
from tests.driving import driving, ended, start
from tests.factories.cases import approve, decide
from tests.factories.people import ACTOR, make_person, signed_in
from tests.integration.agents import tools
from tests.integration.agents.agent_flows import (
    LOOK,
    LOOK_UP,
    PAY,
    REFUND,
    child_of,
    play,
    publish,
    wait_for_case,
)
from tests.language_server import LanguageServer, Turn
from tests.waiting import until
from tests.web.api import Api
from tests.web.pages import text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db(transaction=True)
ASKING = {**REFUND, "ask": "always"}


def script(server: LanguageServer) -> None:
    server.script("Settle order", Turn(calls=[LOOK]), Turn(calls=[PAY]), Turn(json={"said": "Ok."}))


def publish_again(flow: Flow) -> FlowVersion:
    """Publish the flow with another title of its agent, and release it."""
    flow.refresh_from_db()
    flow.draft["steps"]["agent"]["title"] = "Settle it well"
    flow.save()
    return services.publish_version(
        flow_id=flow.pk, note="Second", author=None, actor=ACTOR, now=timezone.now(),
        revision=flow.draft_revision,
    )  # fmt: skip


# --- Whose run it is ------------------------------------------------------------------


def test_what_counts_or_chooses_runs_of_a_flow_leaves_its_agents_out(
    server: LanguageServer,
) -> None:
    script(server)
    flow = publish(LOOK_UP, REFUND)
    first, second = play(flow), play(flow)
    assert Run.objects.filter(flow=flow).count() == 4
    assert selectors.count_recent_runs(flow, now=timezone.now()) == {"completed": 2}
    assert sorted(choose_runs(flow, RunFilters(flow=flow.name), most=10)) == [first.pk, second.pk]
    last = get_last_run(flow, "agent")
    assert last is not None
    assert last.run == second
    assert not read_traffic(flow).visits.get("turn")
    for run, before in ((second, first), (child_of(second), child_of(first))):
        found = selectors.compare_with_last_success(run, list_step_runs(run))
        assert found is not None
        assert found.last == before


def test_the_end_of_an_agent_is_no_end_of_the_flow_for_triggers(
    server: LanguageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(server)
    run = play(publish(LOOK_UP, REFUND))
    looked: list[str] = []

    def look(_kind: Any, name: str, *_: Any) -> list[Any]:
        looked.append(name)
        return []

    monkeypatch.setattr("flows.triggers.jobs._list_listeners", look)
    for each in (run, child_of(run)):
        end = {"run": each.pk, "status": "completed", "at": timezone.now().isoformat()}
        start_at_end(end, timezone.now())
    assert looked == ["support"]


def test_a_flow_whose_agent_asks_people_asks_people(office: LanguageServer) -> None:
    publish(LOOK_UP, ASKING, name="asking")
    publish(LOOK_UP, name="alone")
    assert find_asking_flows(frozenset({"asking", "alone"})) == {"asking"}


# --- Again, and on other versions -----------------------------------------------------


def test_a_run_is_repeated_from_after_its_agent_and_an_agent_from_its_start(
    server: LanguageServer,
) -> None:
    script(server)
    run = play(publish(LOOK_UP, REFUND))
    agent = child_of(run)
    with pytest.raises(StepUnknown, match="from its start only"):
        services.plan_rerun(run_id=agent.pk, step="refund")
    again = services.rerun(run_id=agent.pk, step=None, actor=ACTOR, now=timezone.now()).run
    with driving():
        ended(again)
    assert again.version == agent.version
    assert (again.status, again.outcome) == ("completed", "finished"), again.error
    assert again.output["result"] == {"said": "Ok."}
    client = signed_in(make_person("", Role.OPERATOR, Role.DESIGNER))
    page = text_of(client.get(f"/runs/{agent.pk}/"))
    assert "Run again" in page
    assert "Run again from here" not in page
    assert client.get(f"/runs/{agent.pk}/rerun/?step=refund&version=1").status_code == 200
    refused = client.post(f"/runs/{agent.pk}/rerun/", {"step": "refund", "version": "1"})
    assert refused.status_code == 422
    assert "from its start only" in text_of(refused)
    after = services.rerun(run_id=run.pk, step="settled", actor=ACTOR, now=timezone.now()).run
    with driving():
        ended(after)
    assert after.output == run.output
    assert Run.objects.filter(root_id=after.pk).count() == 0


def test_a_failed_agent_is_retried_and_its_caller_too(server: LanguageServer) -> None:
    server.script("Settle order", Turn(status=400, body={"error": "no"}))
    flow = publish(LOOK_UP, edges=())
    run = play(flow)
    agent = child_of(run)
    assert (run.outcome, agent.status) == ("failed", "failed")
    server.forget()
    script(server)
    services.retry_run(run_id=agent.pk, actor=ACTOR, now=timezone.now())
    with driving():
        ended(agent)
    assert agent.status == "completed", agent.error


def test_an_agent_moves_only_to_the_same_part_of_another_version(office: LanguageServer) -> None:
    office.script("Settle order", Turn(calls=[PAY]), Turn(json={"said": "Paid."}))
    flow = publish(ASKING)
    run = start(flow, {"wish": "Please."})
    with driving():
        case = wait_for_case()
        second = publish_again(flow)
        agent = child_of(run)
        with pytest.raises(VersionUnfit):
            services.migrate_run(
                run_id=agent.pk, version_id=second.pk, actor=ACTOR, now=timezone.now()
            )
        api = Api(Role.OPERATOR)
        assert api.post(f"/runs/{agent.pk}/migrate", {"version": 2}).status_code == 200
        agent.refresh_from_db()
        assert (agent.version.number, agent.version.part) == (2, "agent")
        assert api.post(f"/runs/{agent.pk}/migrate", {"version": 9}).status_code == 404
        picture = draw_run(case, list_step_runs(agent))
        decide(case, "ada", approve())
        ended(run)
    assert run.outcome == "settled"
    assert picture is not None
    assert tools.paid == [("A-7", 40.0)]


# --- Pause and cancel -----------------------------------------------------------------


def test_a_caller_and_its_agent_are_paused_resumed_and_cancelled_together(
    office: LanguageServer,
) -> None:
    office.script("Settle order", Turn(calls=[PAY]), Turn(json={"said": "Paid."}))
    run = start(publish(ASKING), {"wish": "Please."})
    with driving():
        wait_for_case()
        services.pause_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        assert child_of(run).status == "paused"
        services.resume_run(run_id=run.pk, actor=ACTOR, now=timezone.now())
        until(lambda: child_of(run).status == "running", "the agent to go on")
        services.cancel_run(run_id=run.pk, reason="Enough.", actor=ACTOR, now=timezone.now())
        until(lambda: child_of(run).status == "cancelled", "the agent to be cancelled")
    assert not Wait.objects.filter(run=child_of(run), state="open").exists()
    assert tools.paid == []


# --- Rights and export ----------------------------------------------------------------


def test_whoever_sees_the_flow_sees_the_agents_graph_and_nobody_else(
    server: LanguageServer,
) -> None:
    script(server)
    agent = child_of(play(publish(LOOK_UP, REFUND)))
    here = signed_in(make_person("", Role.AUDITOR, flow="support"))
    graph = here.get(f"/runs/{agent.pk}/canvas.json")
    assert "refund" in text_of(graph)
    elsewhere = signed_in(make_person("", Role.AUDITOR, flow="other"))
    for page in ("", "canvas.json", "conversation/", "journal/", "data/"):
        assert elsewhere.get(f"/runs/{agent.pk}/{page}").status_code in (403, 404)
        assert here.get(f"/runs/{agent.pk}/{page}").status_code == 200


def test_lists_and_exports_of_versions_hold_the_flow_alone(server: LanguageServer) -> None:
    publish(LOOK_UP)
    api = Api(Role.AUDITOR)
    listed: Any = api.get("/flows/support/versions").json()["items"]
    assert [each["number"] for each in listed] == [1]
    designer = signed_in(make_person("", Role.DESIGNER))
    text = text_of(designer.get("/flows/support/versions/1/export/"))
    assert "agent.run" in text
    assert "agent.turn" not in text
