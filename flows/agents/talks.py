"""What was said in an agent's run, by turns, for people to read.

The words are in the output of the newest turn; who was asked when, what it cost, and what became of
a call is in the journal's other rows. Nothing is stored twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Case, F, JSONField, Value, When
from django.db.models.fields.json import KT

from flows.agents.conversation import read_message, to_text
from flows.agents.expansion import TURN
from flows.engine import events
from flows.models import Journal, Run, Wait
from flows.runtime.artifacts import ArtifactMissing
from flows.runtime.payloads import MARK, fetch, reveal
from flows.selectors.waits import describe_waits
from flows.steps.language import Message

Json = Any
ENDS = (events.STEP_FINISHED, events.STEP_FAILED)
ASK = "ask_"


@dataclass(slots=True)
class Said:
    """A call of the agent: what became of it, and what people decided about it.

    ``decision`` is the outcome of its case, "waiting" while there is none, "" where nobody is
    asked. ``result`` is what the model was told, None until then.
    """

    id: str
    tool: str
    arguments: Json
    result: str | None = None
    state: str = ""
    seconds: float | None = None
    decision: str = ""
    comment: str = ""
    decided_by: str = ""
    changes: int = 0
    step_key: str = ""
    case_url: str = ""
    case_label: str = ""
    queue: str = ""

    @property
    def given(self) -> str:
        """The arguments as text."""
        return to_text(self.arguments)


@dataclass(slots=True)
class Spoken:
    """What one of them said. ``who`` is system, user, assistant, or tool for a late word of it."""

    who: str
    text: str
    calls: list[Said] = field(default_factory=list)
    number: int = 0
    at: datetime | None = None
    seconds: float | None = None
    tokens: int | None = None
    cost: float | None = None
    model: str = ""
    step_key: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation. With ``too_large`` its words are in that artifact, which is not there."""

    spoken: Sequence[Spoken] = ()
    turns: int = 0
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    ended: str = ""
    missing: str = ""


def is_agent(run: Run) -> bool:
    """Return whether the run is that of an agent: of a part of its flow's version."""
    steps = run.version.document.get("steps", {}) if run.version.part else {}
    return bool(steps.get(TURN, {}).get("type") == "agent.turn")


def list_agents_of(run: Run) -> list[Run]:
    """Return the runs of the agents that a run has called, in order: one query if it has any."""
    steps = run.version.document.get("steps") or {}
    if not any(step.get("type") == "agent.run" for step in steps.values()):
        return []
    waits = Wait.objects.filter(run_id=run.pk, kind="child").values("pk")
    found = Run.objects.filter(parent_wait_id__in=waits).exclude(version__part="")
    return list(found.select_related("version").defer("version__document").order_by("pk"))


def get_talk(run: Run) -> Talk:
    """Return the conversation of an agent's run: four queries at most."""
    rows = _list_rows(run.pk)
    turns = [row for row in rows if row.step == TURN and row.kind == events.STEP_FINISHED]
    kept = _read_newest(run, turns)
    if isinstance(kept, str):
        return Talk(missing=kept)
    spoken = list(_list_spoken([read_message(each) for each in kept["messages"]]))
    asked = [row for row in turns if row.provenance and row.provenance.get("model")]
    answers = [each for each in spoken if each.who == "assistant"]
    for number, (each, row) in enumerate(zip(answers, asked, strict=False), start=1):
        _add_turn(each, row, number)
    _add_calls(run.pk, answers, rows)
    used = {name: kept[name] for name in ("turns", "calls", "tokens", "cost")}
    return Talk(spoken, **used, ended=kept.get("ended", ""))


def _list_rows(run_id: int) -> list[Any]:
    """Return how the run's steps ended, oldest first, with what a person decided."""
    decided = Case(
        When(step__startswith=ASK, then=F("data")), default=Value(None), output_field=JSONField()
    )
    rows = Journal.objects.filter(run_id=run_id, kind__in=ENDS).exclude(step="").defer("data")
    named = rows.annotate(decided=decided, call_id=KT("data__call__id"))
    return list(named.order_by("seq"))


def _read_newest(run: Run, turns: Sequence[Any]) -> Mapping[str, Json] | str:
    """Return what the newest turn kept, or the digest of what is not there any more."""
    if not turns:
        return {
            "messages": fetch(run.input).get("messages", []),
            **dict.fromkeys(("turns", "calls", "tokens", "cost"), 0),
        }
    data: Any = Journal.objects.values_list("data", flat=True).get(pk=turns[-1].pk)
    try:
        kept: Mapping[str, Json] = fetch(data)
    except ArtifactMissing:
        return str(data[MARK])
    return kept


def _list_spoken(messages: Sequence[Message]) -> Iterator[Spoken]:
    """Yield what was said; the answers to calls are put with their calls."""
    open_calls: list[tuple[str, Said]] = []
    for message in messages:
        if message.role == "tool":
            found = next((each for each in open_calls if each[0] == message.answers), None)
            if found is not None:
                open_calls.remove(found)
                found[1].result = message.text
                continue
        calls = [Said(call.id, call.name, call.arguments) for call in message.calls]
        # Servers may use an id again in a later turn.
        if calls:
            open_calls = [(call.id, call) for call in calls]
        yield Spoken(message.role, message.text, calls)


def _add_turn(each: Spoken, row: Any, number: int) -> None:
    made = row.provenance
    each.number, each.at = number, row.at
    each.tokens, each.cost = made.get("tokens"), made.get("cost")
    each.model = str(made.get("model", ""))
    latency = made.get("latency_ms")
    each.seconds = latency / 1000 if isinstance(latency, int | float) else None
    each.step_key = f"{row.token_id}.{row.activation}"


# --- What became of the calls -----------------------------------------------------------


def _add_calls(run_id: int, answers: Sequence[Spoken], rows: Sequence[Any]) -> None:
    """Add to the calls how their steps ended, and what people decided: two queries at most."""
    turn, said = 0, None
    asked: dict[tuple[int, int], Said] = {}
    waits = {(each.token_id, each.activation): each for each in _list_cases(run_id)}
    for row in rows:
        key = (row.token_id, row.activation)
        if row.step == TURN:
            turn += bool(row.provenance and row.provenance.get("model"))
            said = _find_call(answers[turn - 1].calls, row) if 0 < turn <= len(answers) else None
        elif said is not None and row.step == ASK + said.tool:
            asked[key] = said
            _add_decision(said, row)
        elif said is not None and row.step == said.tool:
            said.state = "failed" if row.kind == events.STEP_FAILED else "done"
            said.step_key = f"{row.token_id}.{row.activation}"
            said.seconds = (row.at - (row.began_at or row.at)).total_seconds()
    for key, wait in waits.items():
        if wait.state == "open" and said is not None and wait.step == ASK + said.tool:
            asked[key] = said
            said.decision = "waiting"
    _add_links([(each, waits[key]) for key, each in asked.items() if key in waits])


def _list_cases(run_id: int) -> list[Wait]:
    return list(Wait.objects.filter(run_id=run_id, kind="case", step__startswith=ASK))


def _find_call(calls: Sequence[Said], row: Any) -> Said | None:
    """Return the call that a turn handed out: by its id or, of a large turn, by its tool."""
    tool = row.port.removeprefix(ASK)
    fitting = [each for each in calls if each.tool == tool and not each.state]
    found = next((each for each in fitting if each.id == row.call_id), next(iter(fitting), None))
    if found is not None:
        found.state = "handed_out"
    return found


def _add_decision(said: Said, row: Any) -> None:
    decided = reveal(row.decided)
    said.decision = row.port
    if isinstance(decided, Mapping):
        said.comment = str(decided.get("comment") or "")
        said.changes = len(decided.get("overrides") or ())
        said.decided_by = str(decided.get("decided_by") or "")
    if row.port == "rejected":
        said.state = "refused"


def _add_links(asked: Sequence[tuple[Said, Wait]]) -> None:
    described = describe_waits([wait for _, wait in asked])
    for said, wait in asked:
        found = described[wait.pk]
        said.case_url, said.case_label = found.url, found.link
        said.queue = str(wait.detail.get("queue", ""))
