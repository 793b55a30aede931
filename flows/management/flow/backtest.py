"""``manage.py flow backtest``."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows import services
from flows.backtest.models import Backtest
from flows.backtest.selectors import (
    choose_runs,
    count_answers,
    count_compared,
    list_figures,
    list_flipped_runs,
)
from flows.backtest.services import Choice, play_part, start_backtest
from flows.graph.codec import parse, to_mapping
from flows.management.flow.documents import add_flow_argument, find_flow, find_stored_document
from flows.management.subcommands import Options, Subcommand
from flows.models import Flow
from flows.selectors.run_filters import RunFilters

Json = Any

UNITS = {"percent": " %", "seconds": " s"}


class RunBacktest(Subcommand):
    name = "backtest"
    help = "Play a draft or a version over recorded runs; print what changes."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        add_flow_argument(parser)
        parser.add_argument("--runs", type=int, default=500, metavar="N", help="The last N.")
        parser.add_argument("--file", type=Path, help="Play this document, not the draft.")
        parser.add_argument("--again", action="store_true", help="Ask models again.")
        parser.add_argument("--calls", type=int, default=0, help="How often a model may be asked.")
        parser.add_argument("--cost", type=float, default=0.0, help="Begin no call past this cost.")
        parser.add_argument("--json", action="store_true", help="The summary, and what flips.")
        parser.add_argument("--fail-on-flips", action="store_true",
                            help="Exit 1 if any flips, or cannot be told.")  # fmt: skip

    def handle(self, options: Options) -> None:
        flow = find_flow(options["flow"].partition("@")[0])
        if options["file"]:
            document = to_mapping(parse(options["file"].read_text()))
        else:
            document = find_stored_document(options["flow"])
        began = time.monotonic()
        made = _play(flow, document, _choose(flow, options))
        flipped = list_flipped_runs(made)
        if options["json"]:
            counts = asdict(count_answers(made))
            found = {**made.summary, "answers": counts, "flipped": flipped}
            self.stdout.write(json.dumps(found, indent=2))
        else:
            self._print(made, flipped, time.monotonic() - began)
        is_unknown = count_compared(made) < made.summary["runs"]
        if (flipped or is_unknown) and options["fail_on_flips"]:
            raise SystemExit(1)

    def _print(self, made: Backtest, flipped: list[int], seconds: float) -> None:
        found = made.summary
        self.stdout.write(f"Played {found['runs']:,} runs in {seconds:.1f} s.")
        self._print_answers(made)
        for before, row in found["matrix"].items():
            for after, count in row.items():
                if before != after:
                    self.stdout.write(f"    {count:5,}  {before} → {after}")
        named = f": {', '.join(map(str, flipped))}" if flipped else "."
        self.stdout.write(f"{len(flipped):,} decisions flip{named}")
        for figure in list_figures(made):
            unit = UNITS.get(figure.kind, "")
            self.stdout.write(f"{figure.label}: {figure.before:.4g} → {figure.after:.4g}{unit}")
        if found["noisy"]:
            self.stdout.write(
                f"Noise: {found['noisy']:,} runs come out otherwise than recorded under the "
                "released version itself."
            )

    def _print_answers(self, made: Backtest) -> None:
        answers, lost = count_answers(made), made.summary["runs"] - count_compared(made)
        if not answers.total:
            return
        price = "" if answers.price is None else f", asking costs about {answers.price:.4g}"
        self.stdout.write(
            f"Answers of models: {answers.recorded:,} recorded ({answers.stale:,} before their "
            f"connection was changed), {answers.asked:,} asked (cost {made.cost:.4g}), "
            f"{answers.missing:,} missing{price if answers.missing else ''}."
        )
        if lost:
            self.stdout.write(
                f"{lost:,} runs cannot be compared without them: allow calls (--calls, --cost)."
            )


def _choose(flow: Flow, options: Options) -> Choice:
    """Return the runs to play, and how often a model may be asked."""
    run_ids = choose_runs(flow, RunFilters(flow=flow.name), most=options["runs"])
    name = f"the last {options['runs']:,} runs"
    return Choice(run_ids, name, options["again"], options["calls"], options["cost"])


def _play(flow: Flow, document: Mapping[str, Json], choice: Choice) -> Backtest:
    """Play every run in this process, and return the finished backtest. Raises: CommandError."""
    try:
        made = start_backtest(
            flow=flow, choice=choice, author=None, now=timezone.now(), queued=False,
            document={**document, "name": flow.name},
        )  # fmt: skip
    except services.FlowInvalid as error:
        raise CommandError("\n".join([str(error), *map(str, error.problems)])) from error
    except services.ServiceError as error:
        raise CommandError(f"{error} {error.remedy}") from error
    while play_part(backtest_id=made.pk, now=timezone.now(), queued=False):
        pass
    made.refresh_from_db()
    return made
