"""``manage.py run list`` and ``manage.py run show``."""

from django.core.management.base import CommandParser

from flows import selectors
from flows.engine.lanes import lane_of
from flows.management.run.finding import add_filter_arguments, find_run, message_of, read_filters
from flows.management.subcommands import Options, Subcommand
from workbench.accounts.permissions import EVERYWHERE


class List(Subcommand):
    name = "list"
    help = "Print runs, newest first."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        add_filter_arguments(parser)
        parser.add_argument("--limit", type=int, default=20)

    def handle(self, options: Options) -> None:
        page = selectors.list_runs(
            read_filters(options), within=EVERYWHERE, page_size=options["limit"]
        )
        for row in page.rows:
            run = row.run
            parts = [f"{run.pk:>8}  {row.state:<18} {run.flow.name} v{run.version.number}"]
            parts += [part for part in (run.outcome, message_of(run.error)[:80]) if part]
            self.stdout.write("  ".join(parts))
        if page.next_before:
            self.stdout.write("There are more: raise --limit, or narrow the list.")


class Show(Subcommand):
    name = "show"
    help = "Print a run with its journal."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("id", type=int)

    def handle(self, options: Options) -> None:
        run = find_run(options["id"])
        self.stdout.write(
            f"Run {run.pk} of {run.flow.name} v{run.version.number}: {run.status}"
            f"{', ' + run.outcome if run.outcome else ''}; lane {lane_of(run.priority)}"
        )
        for row in selectors.get_journal(run.pk, limit=1_000):
            words = [f"{row.seq:>5}  {row.at:%Y-%m-%d %H:%M:%S}  {row.kind:<18}", row.step]
            words += [f"→ {row.port}"] if row.port else []
            words += [message_of(row.data)]
            self.stdout.write(" ".join(word for word in words if word))
