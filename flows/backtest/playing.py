"""Play recorded runs under a draft and under the released version, in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows.backtest.answers import Budget, RecordedAnswers
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
    """A recorded run with its lanes. Without a released version, the baseline is the recording."""

    run_id: int
    recorded: Lane
    baseline: Lane
    draft: Lane

    @property
    def kind(self) -> RunKind:
        return classify(self.draft, self.baseline)

    @property
    def is_noisy(self) -> bool:
        """Whether the released version itself differs from the record."""
        return self.baseline.verdict != self.recorded.verdict

    @property
    def first_step(self) -> str:
        return find_first_difference(self.draft, self.baseline)


def play_all(
    recordings: Sequence[Recording], *, draft: Program, baseline: Program | None, budget: Budget
) -> Iterator[Replay]:
    """Yield a replay of each recording. Nothing is stored, and no step has an effect."""
    with Stage() as stage:
        for recording in recordings:
            yield _play(stage, recording, draft, baseline, budget)


def _play(
    stage: Stage, recording: Recording, draft: Program, baseline: Program | None, budget: Budget
) -> Replay:
    recorded = load_program(recording.version_id)
    answers = RecordedAnswers(recording, recorded, budget)
    as_recorded = read_recorded_lane(recording, recorded.document)
    before = _play_lane(stage, recording, baseline, answers) if baseline else as_recorded
    return Replay(
        recording.run_id, as_recorded, before, _play_lane(stage, recording, draft, answers)
    )


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
        )
    except EngineError as error:
        return Lane("cannot be played", problem=str(error))
    return read_played_lane(made, program.document, recording)
