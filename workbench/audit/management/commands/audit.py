import json
from argparse import ArgumentTypeError
from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.export import export_bundle
from workbench.audit.models import Entry
from workbench.audit.selectors import EntryFilter, get_entry
from workbench.audit.services import ErasureRefused, Verification, erase_payload, verify
from workbench.values.refusals import ValueRefused
from workbench.values.times import read_date, read_instant


class Command(BaseCommand):
    help = (
        "Verify the audit ledger, export a bundle that can be verified offline, or erase details."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        check = commands.add_parser(
            "verify", help="Exit with 1 and list the faults if there are any."
        )
        check.add_argument("--json", action="store_true", help="Print the result as JSON.")
        erase = commands.add_parser("erase", help="Erase the details of an entry, and record why.")
        erase.add_argument("entry", type=int, help="The number of the entry.")
        erase.add_argument("--reason", required=True, help="Why; it is recorded and shown.")
        erase.add_argument("--by", required=True, metavar="USERNAME", help="Who answers for it.")
        export = commands.add_parser("export", help="Write a bundle with its own verifier.")
        export.add_argument("--out", type=Path, required=True, metavar="BUNDLE.zip")
        export.add_argument("--text", default="", help="Only entries that contain this text.")
        export.add_argument("--action", default="", help="An action, or all of one kind: case")
        export.add_argument("--actor", default="", help="Part of a name, or kind:id")
        export.add_argument("--subject", type=_subject, default=("", ""), metavar="KIND:ID")
        export.add_argument("--since", type=_moment, metavar="DATE", help="Inclusive, UTC.")
        export.add_argument("--until", type=_moment, metavar="DATE", help="Exclusive, UTC.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["what"] == "verify":
                self._verify(as_json=options["json"])
            elif options["what"] == "erase":
                self._erase(options["entry"], options["reason"], options["by"])
            else:
                self._export(options)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error

    def _verify(self, *, as_json: bool) -> None:
        found = verify()
        if as_json:
            first = asdict(found.first_bad) if found.first_bad else None
            self.stdout.write(json.dumps({"ok": found.ok, **asdict(found), "first_bad": first}))
        else:
            self.stdout.write(_as_text(found))
        if not found.ok:
            raise SystemExit(1)

    def _erase(self, entry_id: int, reason: str, username: str) -> None:
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person {username!r}.")
        try:
            entry = get_entry(entry_id)
            actor = Actor.user(user, channel="command")
            erase_payload(entry=entry, reason=reason, actor=actor, now=timezone.now())
        except (Entry.DoesNotExist, OverflowError) as error:
            raise CommandError(f"There is no entry {entry_id}.") from error
        except ErasureRefused as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The details of entry {entry_id} are erased.")

    def _export(self, options: dict[str, Any]) -> None:
        kind, subject_id = options["subject"]
        wanted = EntryFilter(
            text=options["text"],
            action=options["action"],
            actor=options["actor"],
            subject_kind=kind,
            subject_id=subject_id,
            since=options["since"],
            until=options["until"],
        )
        actor = Actor.system("manage.py audit export", channel="command")
        try:
            with options["out"].open("wb") as file:
                bundle = export_bundle(file, wanted, actor=actor, now=timezone.now())
        except OSError as error:
            raise CommandError(f"Cannot write {options['out']}: {error.strerror}") from error
        self.stdout.write(
            f"{options['out']}: {bundle.entries} entries, {bundle.blocks} blocks. "
            "Unzip it and run: python verify.py"
        )


def _as_text(found: Verification) -> str:
    lines = [f"{found.entries} entries, {found.blocks} blocks, {found.unsealed} unsealed: "]
    lines[0] += "good" if found.ok else "BAD"
    for fault in found.faults:
        where = [f"entry {fault.entry}"] if fault.entry is not None else []
        where += [f"block {fault.block}"] if fault.block is not None else []
        lines.append(f"{', '.join(where) or 'ledger'}: {fault.code}: {fault.detail}")
    return "\n".join(lines)


def _subject(text: str) -> tuple[str, str]:
    kind, colon, subject_id = text.partition(":")
    if not (kind and colon and subject_id):
        raise ArgumentTypeError(f"{text!r} is not KIND:ID, such as case:12")
    return kind, subject_id


def _moment(text: str) -> datetime:
    """Return the start of a day, or an instant, which is in UTC unless it has an offset."""
    try:
        if len(text.strip()) == len("2026-03-01"):
            return datetime.combine(read_date(text), time(), UTC)
        return read_instant(text, UTC)
    except ValueRefused as error:
        raise ArgumentTypeError(f"{error} A day such as 2026-03-01 is its start in UTC.") from None
