"""manage.py artifacts encrypt: encrypt with the newest key what is stored otherwise."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from workbench.files.errors import StoreAway
from workbench.files.rewriting import count_others, delete_leftovers, rewrite_all

EACH = 100


class Command(BaseCommand):
    help = "Encrypt stored files with the first of ARTIFACT_KEYS, while the others work."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["encrypt"])

    def handle(self, **options: Any) -> None:
        if not (settings.ARTIFACT_KEYS or settings.ARTIFACT_KEYS_FILE):
            raise CommandError(
                "No key is set. Set ARTIFACT_KEYS, or ARTIFACT_KEYS_FILE; "
                "`openssl rand -base64 32` makes a key."
            )
        try:
            done, failed = self._encrypt(count_others())
            left = sum(1 for _ in delete_leftovers(timezone.now()))
        except StoreAway as away:
            raise CommandError(f"{away} Run it again: it goes on where it was.") from away
        self.stdout.write(f"{done} files encrypted, {left} left over from before deleted.")
        if failed:
            raise CommandError(f"{failed} files stay as they are: they are named above.")

    def _encrypt(self, most: int) -> tuple[int, int]:
        """Return how many files were encrypted, and how many could not be."""
        done = failed = 0
        for each in rewrite_all():
            if each.problem:
                failed += 1
                self.stderr.write(f"{each.path}: {each.problem}")
            else:
                done += 1
            if (done + failed) % EACH == 0:
                self.stdout.write(f"{done + failed} of {most}")
        return done, failed
