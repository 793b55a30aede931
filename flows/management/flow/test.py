"""``manage.py flow test``."""

from collections.abc import Sequence

from django.core.management.base import CommandParser
from django.utils import timezone

from flows.graph.model import Document
from flows.management.flow.documents import find_document
from flows.management.subcommands import Options, Subcommand
from flows.runtime.flow_tests import FlowTestResult, coverage, run_flow_tests


class RunTests(Subcommand):
    name = "test"
    help = "Run a flow's own tests; exit 1 if one fails."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("which", nargs="+", metavar="FLOW", help="FILE, NAME or NAME@VERSION")

    def handle(self, options: Options) -> None:
        passed = [self._test(which) for which in options["which"]]
        if not all(passed):
            raise SystemExit(1)

    def _test(self, which: str) -> bool:
        """Run the tests of one flow, print what came of them, and return whether all passed."""
        document = find_document(which)
        if not document.tests:
            self.stdout.write(f"{which}: has no tests. Add some under `tests`.")
            return True
        results = run_flow_tests(document, now=timezone.now())
        for result in results:
            self.stdout.write(f"{which}: {'ok' if result.passed else 'FAILED'}: {result.name}")
            for problem in result.problems:
                self.stdout.write(f"    {problem}")
        self._print_coverage(document, results)
        return all(result.passed for result in results)

    def _print_coverage(self, document: Document, results: Sequence[FlowTestResult]) -> None:
        covered = coverage(document, results)
        steps, edges = len(document.steps), len(document.edges)
        self.stdout.write(
            f"    covers {steps - len(covered.missed_steps)} of {steps} steps, "
            f"{edges - len(covered.missed_edges)} of {edges} edges"
        )
        if covered.missed_steps:
            self.stdout.write(f"    not reached: {', '.join(covered.missed_steps)}")
