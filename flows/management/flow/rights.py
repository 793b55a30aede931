"""``manage.py flow rights``."""

from flows.health.selectors import AccessGap, list_access_gaps
from flows.management.subcommands import Options, Subcommand


class Rights(Subcommand):
    name = "rights"
    help = "List what flows do without the right to it; exit 1 if any."

    def handle(self, options: Options) -> None:
        gaps = list_access_gaps()
        for gap in gaps:
            self.stdout.write(_write_line(gap))
        if gaps:
            raise SystemExit(1)
        self.stdout.write("Whoever let flows reach beyond themselves may do so today.")


def _write_line(gap: AccessGap) -> str:
    who = gap.who or "nobody known"
    return (
        f"{gap.flow}, {gap.label}, by {who}: {gap.what}."
        f" Missing: {' and '.join(gap.missing)} {gap.where}. {gap.remedy}"
    )
