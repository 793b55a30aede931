import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import rfc8785
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from flows import selectors, services
from flows.backtest.models import Backtest
from flows.backtest.selectors import choose_runs, list_figures, list_flipped_runs
from flows.backtest.services import Choice, play_part, start_backtest
from flows.engine.lanes import PRIORITY, Lane
from flows.graph.codec import parse, to_json, to_mapping
from flows.graph.diff import diff
from flows.graph.model import Document
from flows.graph.operations import OperationRefused
from flows.graph.problems import DocumentError
from flows.models import Flow, FlowVersion, Run, RunStatus
from flows.runtime.flow_tests import coverage, run_flow_tests
from flows.selectors.changes import to_text
from flows.selectors.problems import list_problems
from flows.selectors.run_filters import RunFilters
from flows.services.starting import NewRun, Started
from workbench.accounts.actors import Actor

Json = Any
ACTOR = Actor.system("manage.py flow", channel="command")
BATCH = 200
LONGEST_KEY = 200
POLL_SECONDS = 0.5
# What can go wrong with one line, and is then told with its number.
LINE_FAULTS = (services.InputInvalid, services.InputTooLarge, services.IdempotencyKeyReused)


class Command(BaseCommand):
    help = "Validate, import, export, compare, test, backtest, publish and run flows."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
        check = commands.add_parser("validate", help="Name the problems of files; exit 1 if any.")
        check.add_argument("files", nargs="+", type=Path, metavar="FILE")
        check.add_argument("--strict", action="store_true", help="Warnings fail too.")
        load = commands.add_parser("import", help="Make a file the draft of its flow.")
        load.add_argument("file", type=Path, metavar="FILE")
        load.add_argument("--name", help="Another name than the file's.")
        load.add_argument(
            "--publish", metavar="NOTE", help="Publish and release it with this note."
        )
        dump = commands.add_parser("export", help="Print a draft or a version as YAML.")
        _add_flow(dump)
        dump.add_argument("--json", action="store_true")
        compare = commands.add_parser("diff", help="Say what differs; exit 1 if anything does.")
        compare.add_argument("old", metavar="OLD", help="FILE, NAME (its draft) or NAME@VERSION")
        compare.add_argument("new", metavar="NEW")
        test = commands.add_parser("test", help="Run a flow's own tests; exit 1 if one fails.")
        test.add_argument("which", nargs="+", metavar="FLOW", help="FILE, NAME or NAME@VERSION")
        publish = commands.add_parser("publish", help="Make a version of the draft and release it.")
        publish.add_argument("name")
        publish.add_argument("--note", required=True, help="What changed and why.")
        publish.add_argument("--no-release", action="store_true")
        self._add_backtest(commands)
        self._add_run(commands)

    def _add_backtest(self, commands: Any) -> None:
        back = commands.add_parser(
            "backtest", help="Play a draft or a version over recorded runs; print what changes."
        )
        _add_flow(back)
        back.add_argument("--runs", type=int, default=500, metavar="N", help="The last N.")
        back.add_argument("--file", type=Path, help="Play this document, not the draft.")
        back.add_argument("--again", action="store_true", help="Ask models again.")
        back.add_argument("--calls", type=int, default=0, help="How often a model may be asked.")
        back.add_argument("--json", action="store_true", help="The summary, and what flips.")
        back.add_argument("--fail-on-flips", action="store_true", help="Exit 1 if any flips.")

    def _add_run(self, commands: Any) -> None:
        run = commands.add_parser("run", help="Start a run for each line of a file.")
        run.add_argument("name")
        source = run.add_mutually_exclusive_group(required=True)
        source.add_argument("--input", metavar="JSON", help="One input.")
        source.add_argument("--input-file", metavar="FILE.jsonl", help="One a line; - is stdin.")
        run.add_argument(
            "--key",
            metavar="FIELD",
            help="Field of the input that names a line, such as number. Without it, a digest of "
            "the line. A line that was started before is not started again.",
        )
        run.add_argument("--again", action="store_true", help="Start it again all the same.")
        run.add_argument("--lane", choices=[lane.value for lane in Lane])
        run.add_argument("--wait", action="store_true", help="Until each has ended or waits.")
        run.add_argument("--timeout", type=float, default=600, metavar="SECONDS")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"_{options['what']}")(options)

    # --- Documents ---

    def _validate(self, options: dict[str, Any]) -> None:
        failing = {"error", "warning"} if options["strict"] else {"error"}
        bad = 0
        for path in options["files"]:
            problems = list_problems(_mapping_of(path)) if _reads(path, self.stdout) else None
            bad += problems is None or any(each["severity"] in failing for each in problems)
            for each in problems or ():
                place = ", ".join(part for part in (each["step"], each["field"]) if part) or "flow"
                text = f"{path}: {each['severity']}: {place}: {each['message']} {each['remedy']}"
                self.stdout.write(text)
            if problems == []:
                self.stdout.write(f"{path}: no problems")
        if bad:
            raise SystemExit(1)

    def _import(self, options: dict[str, Any]) -> None:
        document = _document_of(options["file"])
        name, now = options["name"] or document.name, timezone.now()
        flow = Flow.objects.filter(name=name).first()
        if flow is None:
            flow = services.create_flow(
                name=name, title=document.title, document=document, author=None, actor=ACTOR,
                now=now,
            )  # fmt: skip
            self.stdout.write(f"Made the flow {name}.")
        else:
            try:
                mapping = {**to_mapping(document), "name": name}
                flow = services.save_draft(flow_id=flow.pk, document=mapping, author=None, now=now)
            except OperationRefused as refusal:
                raise CommandError(f"{refusal.message} {refusal.remedy}") from refusal
            self.stdout.write(f"Saved the draft of {name}, revision {flow.draft_revision}.")
        if options["publish"]:
            self._publish_draft(flow, options["publish"], release=True)

    def _export(self, options: dict[str, Any]) -> None:
        mapping = _stored(options["flow"])
        if options["json"]:
            self.stdout.write(to_json(parse(mapping)))
        else:
            self.stdout.write(to_text(mapping), ending="")

    def _diff(self, options: dict[str, Any]) -> None:
        found = diff(_any_document(options["old"]), _any_document(options["new"]))
        self.stdout.write(found.as_text() or "They say the same.")
        if found:
            raise SystemExit(1)

    def _test(self, options: dict[str, Any]) -> None:
        failed = 0
        for which in options["which"]:
            document = _any_document(which)
            if not document.tests:
                self.stdout.write(f"{which}: has no tests. Add some under `tests`.")
                continue
            results = run_flow_tests(document, now=timezone.now())
            for result in results:
                failed += not result.passed
                self.stdout.write(f"{which}: {'ok' if result.passed else 'FAILED'}: {result.name}")
                for problem in result.problems:
                    self.stdout.write(f"    {problem}")
            self._tell_coverage(document, results)
        if failed:
            raise SystemExit(1)

    def _tell_coverage(self, document: Document, results: Any) -> None:
        covered = coverage(document, results)
        steps, edges = len(document.steps), len(document.edges)
        self.stdout.write(
            f"    covers {steps - len(covered.missed_steps)} of {steps} steps, "
            f"{edges - len(covered.missed_edges)} of {edges} edges"
        )
        if covered.missed_steps:
            self.stdout.write(f"    not reached: {', '.join(covered.missed_steps)}")

    def _publish(self, options: dict[str, Any]) -> None:
        flow = _flow(options["name"])
        self._publish_draft(flow, options["note"], release=not options["no_release"])

    def _publish_draft(self, flow: Flow, note: str, *, release: bool) -> None:
        try:
            version = services.publish_version(
                flow_id=flow.pk, note=note, author=None, actor=ACTOR, now=timezone.now(),
                release=release,
            )  # fmt: skip
        except services.NothingChanged as error:
            self.stdout.write(f"Nothing to publish. {error}")
            return
        except services.FlowInvalid as error:
            raise CommandError("\n".join([str(error), *map(str, error.problems)])) from error
        done = "Published and released" if release else "Published"
        self.stdout.write(f"{done} version {version.number} of {flow.name}.")

    def _backtest(self, options: dict[str, Any]) -> None:
        flow = _flow(options["flow"].partition("@")[0])
        document = _mapping_of(options["file"]) if options["file"] else _stored(options["flow"])
        run_ids = choose_runs(flow, RunFilters(flow=flow.name), most=options["runs"])
        choice = Choice(
            run_ids, f"the last {options['runs']:,} runs", options["again"], options["calls"]
        )
        began = time.monotonic()
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
        flipped = list_flipped_runs(made)
        if options["json"]:
            self.stdout.write(json.dumps({**made.summary, "flipped": flipped}, indent=2))
        else:
            self._tell_backtest(made, flipped, time.monotonic() - began)
        if flipped and options["fail_on_flips"]:
            raise SystemExit(1)

    def _tell_backtest(self, made: Backtest, flipped: list[int], seconds: float) -> None:
        found = made.summary
        self.stdout.write(f"Played {found['runs']:,} runs in {seconds:.1f} s.")
        for before, row in found["matrix"].items():
            for after, count in row.items():
                if before != after:
                    self.stdout.write(f"    {count:5,}  {before} → {after}")
        self.stdout.write(f"{len(flipped):,} decisions flip: {', '.join(map(str, flipped))}")
        for figure in list_figures(made):
            self.stdout.write(f"{figure.label}: {figure.before:g} → {figure.after:g}")
        if found["noisy"]:
            self.stdout.write(
                f"Noise: {found['noisy']:,} runs come out otherwise than recorded under the "
                "released version itself."
            )

    # --- Runs ---

    def _run(self, options: dict[str, Any]) -> None:
        flow = _flow(options["name"])
        began, ids, fresh, refused = time.monotonic(), [], 0, 0
        for batch in _batches(_lines(options)):
            started, faults = _start(flow, batch, options)
            ids += [each.run.pk for each in started]
            fresh += sum(each.is_new for each in started)
            refused += len(faults)
            for fault in faults:
                self.stderr.write(fault)
        took = time.monotonic() - began
        self.stdout.write(
            f"{fresh} started, {len(ids) - fresh} started before, {refused} refused, "
            f"in {took:.1f} s"
        )
        if options["wait"]:
            self._wait_for(ids, options["timeout"])
        if refused:
            raise SystemExit(1)

    def _wait_for(self, ids: list[int], timeout: float) -> None:
        """Until nothing of them moves: each has ended, or waits for a person or a time."""
        deadline = time.monotonic() + timeout
        while (counts := _states(ids)).get("running") and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.stdout.write(", ".join(f"{n} {state}" for state, n in sorted(counts.items())))
        if counts.get("running"):
            raise CommandError(
                f"{counts['running']} still move after {timeout:g} s. "
                "Is a worker alive? See /health/."
            )


def _add_flow(parser: CommandParser) -> None:
    parser.add_argument("flow", metavar="NAME[@VERSION]")


# --- Finding documents --------------------------------------------------------------------


def _flow(name: str) -> Flow:
    try:
        return selectors.get_flow(name)
    except Flow.DoesNotExist:
        known = ", ".join(Flow.objects.order_by("name").values_list("name", flat=True)[:20])
        raise CommandError(f"There is no flow {name}. There is: {known or 'none yet'}.") from None


def _stored(named: str) -> dict[str, Json]:
    """Return the document of ``name`` (its draft) or ``name@version``."""
    name, _, number = named.partition("@")
    flow = _flow(name)
    if not number:
        return dict(flow.draft)
    try:
        document: dict[str, Json] = selectors.get_version(flow, int(number)).document
    except (ValueError, FlowVersion.DoesNotExist):
        raise CommandError(f"Flow {name} has no version {number}.") from None
    return document


def _any_document(named: str) -> Document:
    path = Path(named)
    return _document_of(path) if path.is_file() else parse(_stored(named))


def _document_of(path: Path) -> Document:
    try:
        return parse(path.read_text())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except DocumentError as error:
        raise CommandError(f"{path} is not a flow document:\n{error}") from error


def _mapping_of(path: Path) -> dict[str, Json]:
    return to_mapping(parse(path.read_text()))


def _reads(path: Path, out: Any) -> bool:
    """Whether the file is a document at all; what keeps it from being one is written out."""
    try:
        parse(path.read_text())
    except OSError as error:
        out.write(f"{path}: error: cannot be read: {error.strerror}.")
        return False
    except DocumentError as error:
        for problem in error.problems:
            out.write(f"{path}: {problem}")
        return False
    return True


# --- Starting runs ------------------------------------------------------------------------


def _lines(options: dict[str, Any]) -> Iterator[tuple[int, str]]:
    if options["input"] is not None:
        yield 1, options["input"]
        return
    if options["input_file"] == "-":
        yield from _numbered(sys.stdin)
        return
    try:
        file = Path(options["input_file"]).open()  # noqa: SIM115 - closed below
    except OSError as error:
        raise CommandError(f"{options['input_file']} cannot be read: {error.strerror}.") from error
    with file:
        yield from _numbered(file)


def _numbered(file: TextIO) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(file, 1) if line.strip())


def _batches(lines: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    batch: list[tuple[int, str]] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _start(
    flow: Flow, lines: list[tuple[int, str]], options: dict[str, Any]
) -> tuple[list[Started], list[str]]:
    """Start a batch; return the runs and what is wrong with the lines that were refused."""
    news: list[tuple[int, NewRun]] = []
    faults: list[str] = []
    for number, line in lines:
        try:
            news.append((number, _new_run(line, options)))
        except ValueError as error:
            faults.append(f"line {number}: {error}")
    try:
        return _start_all(flow, [new for _, new in news]), faults
    except LINE_FAULTS:
        # One bad line refuses the batch: start them one by one to say which.
        return _start_each(flow, news, faults), faults
    except services.ServiceError as error:
        raise CommandError(f"{error} {error.remedy}") from error


def _start_all(flow: Flow, news: list[NewRun]) -> list[Started]:
    return services.start_runs(
        flow=flow, runs=news, actor=ACTOR, now=timezone.now(), trigger="command"
    )


def _start_each(flow: Flow, news: list[tuple[int, NewRun]], faults: list[str]) -> list[Started]:
    started = []
    for number, new in news:
        try:
            started += _start_all(flow, [new])
        except LINE_FAULTS as error:
            faults.append(f"line {number}: {error} {error.remedy}")
    return started


def _new_run(line: str, options: dict[str, Any]) -> NewRun:
    """Read a line: an input, or ``{"input": …, "idempotency_key": …}``, which may say more.

    Raises: ValueError, with what is wrong with the line.
    """
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    key, priority = None, PRIORITY[Lane(options["lane"])] if options["lane"] else None
    if isinstance(value, dict) and {"input", "idempotency_key"} <= value.keys():
        value, key = value["input"], value["idempotency_key"]
    if options["again"]:
        return NewRun(value, priority=priority)
    if options["key"]:
        key = value.get(options["key"]) if isinstance(value, dict) else None
        if not isinstance(key, str | int) or key == "":
            raise ValueError(f"has no {options['key']!r} to be its key")
    if key is None:
        key = f"line-{hashlib.sha256(rfc8785.dumps(value)).hexdigest()[:40]}"
    return NewRun(value, str(key)[:LONGEST_KEY], priority)


def _states(ids: list[int]) -> Counter[str]:
    """Count the runs by state; one whose every token waits is ``waiting``, and moves no more."""
    counts: Counter[str] = Counter()
    for start in range(0, len(ids), BATCH):
        runs = Run.objects.filter(pk__in=ids[start : start + BATCH])
        still = set(
            runs.filter(status=RunStatus.RUNNING, waits__state="open")
            .exclude(tokens__state__in=["ready", "running"])
            .values_list("pk", flat=True)
        )
        for pk, status in runs.values_list("pk", "status"):
            counts["waiting" if pk in still else status] += 1
    return counts
