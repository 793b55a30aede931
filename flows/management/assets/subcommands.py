"""Import, export, test and list the assets of a kind."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.text import slugify

from flows.assets import selectors, services
from flows.assets.editables import find_change
from flows.assets.errors import AssetUnchanged, AssetUnknown
from flows.assets.files import AssetFile, read_as, read_file, write_as
from flows.assets.kinds import AssetKind, Content, TestBudget, TestResult, get_kind
from flows.assets.models import Asset
from flows.management.subcommands import CommandOfSubcommands, Options, Subcommand
from flows.services.errors import ServiceError
from workbench.accounts.actors import Actor


class AssetSubcommand(Subcommand):
    """What follows the name of a kind. Raises: CommandError for whatever a service refuses."""

    kind_name: ClassVar[str]

    @property
    def kind(self) -> AssetKind:
        return get_kind(self.kind_name)

    @property
    def actor(self) -> Actor:
        return Actor.system(f"manage.py {self.kind_name}", channel="command")

    def handle(self, options: Options) -> None:
        try:
            self.act(options)
        except ServiceError as error:
            problems = [str(each) for each in getattr(error, "problems", [])]
            raise CommandError("\n".join([f"{error} {error.remedy}", *problems])) from error

    def act(self, options: Options) -> None:
        raise NotImplementedError

    def find(self, named: str) -> tuple[Asset, Content]:
        """Return the asset and content of ``NAME`` (its draft) or ``NAME@VERSION``."""
        name, _, number = named.partition("@")
        asset = selectors.get_asset(self.kind_name, name)
        if not number:
            return asset, asset.draft
        if not number.isdecimal():
            raise AssetUnknown(f"{number!r} is no number of a version.", "Write NAME@3.")
        return asset, selectors.get_version(asset, int(number)).content

    def read(self, path: Path) -> AssetFile:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path} cannot be read: {error}.") from error
        if path.suffix.lstrip(".").lower() in self.kind.formats:
            return self.read_other(path, text)
        found = read_file(text)
        if found.kind.name != self.kind_name:
            raise CommandError(f"{path} is a {found.kind.name}, not a {self.kind_name}.")
        return found

    def read_other(self, path: Path, text: str) -> AssetFile:
        """Return what a file of another form holds, which is named by its own name.

        What it cannot hold stays as the draft of that name has it.
        """
        name = slugify(path.stem)
        known = Asset.objects.filter(kind=self.kind_name, name=name).first()
        content = read_as(self.kind, path.name, text, known.draft if known else {})
        return AssetFile(self.kind, name, known.title if known else path.stem, content)


class ListAssets(AssetSubcommand):
    name = "list"
    help = "List them with their released versions."

    def act(self, options: Options) -> None:
        for asset in selectors.list_assets(self.kind_name):
            released = f"v{asset.released.number}" if asset.released else "not released"
            self.stdout.write(f"{asset.name}\t{released}\t{asset.title}")


class ExportAsset(AssetSubcommand):
    name = "export"
    help = "Print a draft or a version as YAML, or in another form that the kind has."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("which", metavar="NAME[@VERSION]")
        parser.add_argument(
            "--format", default="yaml", help=f"yaml{_list_formats(cls.kind_name)}; yaml is usual."
        )

    def act(self, options: Options) -> None:
        asset, content = self.find(options["which"])
        written = write_as(self.kind, options["format"], asset.name, asset.title, content)
        self.stdout.write(written.text, ending="")


def _list_formats(kind: str) -> str:
    return "".join(f", {each}" for each in get_kind(kind).formats)


class ImportAsset(AssetSubcommand):
    name = "import"
    help = "Make files the drafts of what they name."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--publish", metavar="NOTE", help="Publish and release with this note.")
        parser.add_argument(
            "--over", action="store_true", help="Replace what people edited and nobody published."
        )

    def act(self, options: Options) -> None:
        for path in options["files"]:
            asset = self._import(self.read(path), over=options["over"])
            if options["publish"]:
                self._publish(asset, options["publish"])

    def _import(self, file: AssetFile, *, over: bool) -> Asset:
        now = timezone.now()
        try:
            asset = selectors.get_asset(self.kind_name, file.name)
        except AssetUnknown:
            made = services.create_asset(
                kind=self.kind, name=file.name, title=file.title, content=file.content,
                actor=self.actor, now=now,
            )  # fmt: skip
            self.stdout.write(f"Made the {self.kind_name} {file.name}.")
            return made
        if not over:
            self._refuse_unpublished_edits(asset, file)
        saved = services.save_draft(
            asset_id=asset.pk, title=file.title, content=file.content, actor=self.actor, now=now
        )
        self.stdout.write(f"Saved the draft of {file.name}, revision {saved.draft_revision}.")
        return saved

    def _refuse_unpublished_edits(self, asset: Asset, file: AssetFile) -> None:
        """Raises: CommandError, where people edited the draft and nothing else has it."""
        newest = asset.versions.order_by("-number").first()
        if asset.draft in [dict(file.content), newest and newest.content]:
            return
        change = find_change(asset)
        if change is None or change.by == self.actor.name:
            return
        raise CommandError(
            f"{change.by} edited the draft of {asset.name} at {change.at:%Y-%m-%d %H:%M} UTC, and"
            f" no version has that. Publish it, or bring it into the file"
            f" ({self.kind_name} export {asset.name}); --over replaces it."
        )

    def _publish(self, asset: Asset, note: str) -> None:
        try:
            version = services.publish_asset(
                asset_id=asset.pk, revision=asset.draft_revision, note=note, author=None,
                actor=self.actor, now=timezone.now(),
            )  # fmt: skip
        except AssetUnchanged as error:
            self.stdout.write(f"Nothing to publish. {error}")
        else:
            self.stdout.write(f"Published and released {asset.name}@{version.number}.")


class TestAsset(AssetSubcommand):
    __test__ = False

    name = "test"
    help = "Run their tests on recorded answers, or against a model; exit 1 if one fails."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("which", nargs="+", metavar="WHICH", help="FILE, NAME or NAME@VERSION")
        parser.set_defaults(model="", judge="", calls=0, cost=0.0, keep=False)
        if not get_kind(cls.kind_name).asks_models:
            return
        parser.add_argument("--model", default="", help="Ask this model. It needs --calls.")
        parser.add_argument("--judge", default="", help="Another model that scores the answers.")
        parser.add_argument("--calls", type=int, default=0, help="How often models may be asked.")
        parser.add_argument("--cost", type=float, default=0.0, help="Begin no call past this cost.")
        parser.add_argument(
            "--keep", action="store_true", help="Record the answers with the tests of the draft."
        )

    def act(self, options: Options) -> None:
        if options["model"] and options["calls"] < 1:
            raise CommandError("--model needs --calls: say how often it may be asked.")
        budget = TestBudget(options["model"], options["judge"], options["calls"], options["cost"])
        passed = [self._test(which, budget, keep=options["keep"]) for which in options["which"]]
        if budget.model:
            self.stdout.write(f"{budget.calls_made} calls, cost {budget.cost_made:g}")
        if not all(passed):
            raise SystemExit(1)

    def _test(self, which: str, budget: TestBudget, *, keep: bool) -> bool:
        """Run the tests of one, print what came of them, and return whether none failed."""
        path, asset = Path(which), None
        if path.is_file():
            content = self.read(path).content
        else:
            asset, content = self.find(which)
        if problems := self.kind.check(content):
            for problem in problems:
                self.stdout.write(f"{which}: {problem}")
            return False
        results = self.kind.run_tests(which, content, budget)
        for result in results:
            self._print(which, result)
        if not results:
            self.stdout.write(f"{which}: has no tests.")
        if keep and budget.model and asset is not None and "@" not in which:
            kept = self.kind.keep_answers(content, results, budget.model)
            services.save_draft(
                asset_id=asset.pk, title=None, content=kept, actor=self.actor, now=timezone.now()
            )
        return all(result.state != "failed" for result in results)

    def _print(self, which: str, result: TestResult) -> None:
        words = {"passed": "ok", "failed": "FAILED", "skipped": "not run"}
        stale = " (answer to an earlier text)" if result.is_stale else ""
        self.stdout.write(f"{which}: {words[result.state]}: {result.name}{stale}")
        if result.reason:
            self.stdout.write(f"    {result.reason}")
        for check in result.checks:
            if check.passed is False:
                expected = "" if check.kind == "schema" else f" {check.expected}"
                self.stdout.write(f"    {check.label}{expected}: {check.message}")


def make_command(kind: str, plural: str) -> type[CommandOfSubcommands]:
    """Return the command of a kind of asset."""
    every: Sequence[type[AssetSubcommand]] = (ImportAsset, ExportAsset, TestAsset, ListAssets)
    own = [type(each.__name__, (each,), {"kind_name": kind}) for each in every]
    words = {"help": f"Import, export, test and list {plural}.", "subcommands": own}
    return type("Command", (CommandOfSubcommands,), words)
