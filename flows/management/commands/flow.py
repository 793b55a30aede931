"""``manage.py flow``: each sub-command is a module of flows.management.flow."""

from flows.management.flow.backtest import RunBacktest
from flows.management.flow.diff import Diff
from flows.management.flow.export import Export
from flows.management.flow.import_draft import ImportDraft
from flows.management.flow.publish import Publish
from flows.management.flow.rights import Rights
from flows.management.flow.run import StartRuns
from flows.management.flow.test import RunTests
from flows.management.flow.validate import Validate
from flows.management.subcommands import CommandOfSubcommands


class Command(CommandOfSubcommands):
    help = "Validate, import, export, compare, test, backtest, publish, run and review flows."
    subcommands = (
        Validate, ImportDraft, Export, Diff, RunTests, Publish, RunBacktest, StartRuns, Rights,
    )  # fmt: skip
