"""Play recorded runs under a draft and under the released version, in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows.backtest.answers import RecordedAnswers, list_exchanges
from flows.backtest.book import Budget, ReplayBook, Shelf, Tally
from flows.backtest.lanes import (
    Lane,
    classify,
    find_first_difference,
    read_played_lane,
    read_recorded_lane,
)
from flows.backtest.models import RunKind
from flows.backtest.recording import Recording
from flows.engine.errors import EngineError
from flows.runtime.program import Program, load_program
from flows.runtime.rehearsal import Stage


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded run with its lanes. Without a released version, the baseline is the recording.

    ``tally`` says where the answers of its models came from.
    """

    run_id: int
    recorded: Lane
    baseline: Lane
    draft: Lane
    tally: Tally

    @property
    def kind(self) -> RunKind:
        return classify(self.draft, self.baseline)

    @property
    def is_noisy(self) -> bool:
        """Whether the released version itself differs from the record."""
        return not self.baseline.lacks and self.baseline.verdict != self.recorded.verdict

    @property
    def first_step(self) -> str:
        if self.kind is RunKind.UNANSWERED:
            return ""
        return find_first_difference(self.draft, self.baseline)


def play_all(
    recordings: Sequence[Recording], *, draft: Program, baseline: Program | None, budget: Budget
) -> Iterator[Replay]:
    """Yield a replay of each recording. No step has an effect.

    Stored is what models answer, and that they were asked, and nothing else.
    """
    shelf = Shelf(draft.flow)
    for recording in recordings:
        for each in recording.with_parts:
            shelf.add(list(list_exchanges(each, load_program(each.version_id))))
    with Stage() as stage:
        for recording in recordings:
            recorded = load_program(recording.version_id)
            answers = RecordedAnswers(recording, recorded, ReplayBook(shelf, budget, Tally()))
            yield _play(stage, answers, recorded, draft, baseline)


def _play(
    stage: Stage,
    answers: RecordedAnswers,
    recorded: Program,
    draft: Program,
    baseline: Program | None,
) -> Replay:
    recording = answers.recording
    as_recorded = read_recorded_lane(recording, recorded.document)
    before = _play_lane(stage, recording, baseline, answers) if baseline else as_recorded
    after = _play_lane(stage, recording, draft, answers)
    return Replay(recording.run_id, as_recorded, before, after, answers.tally)


def _play_lane(
    stage: Stage, recording: Recording, program: Program, answers: RecordedAnswers
) -> Lane:
    try:
        made = stage.play_program(
            program,
            input=recording.input,
            now=recording.started_at,
            run_id=recording.run_id,
            answers=answers.new_lane(),
            book=answers.book,
        )
    except EngineError as error:
        return Lane("cannot be played", problem=str(error))
    return read_played_lane(made, program.document, recording)
