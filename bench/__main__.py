"""``make bench``: what the engine does, and its peers beside it, in one sitting.

Starts a PostgreSQL with fsync on and a Redis, private and on loopback, measures every workload
five times, and prints the figures as Markdown. docs/performance.md says what each workload is.
"""

import argparse
import signal
import sys
from pathlib import Path

from bench import machine
from bench.alone import kept, measure_alone
from bench.contenders import CONTENDERS, OURS, Contender, peers_there
from bench.figures import Sheet, write_page
from bench.servers import Servers, serving
from bench.sitting import Sitting, Size

WORKLOADS = ("w1", "w2", "burst", "w3", "w4", "w5", "embedded", "growth")
CONTESTS = {"w1", "w2", "burst"}
PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"
QUICK = Size(repeats=2, share=0.1)


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sheet = Sheet()
    with serving() as servers:
        about = machine.describe() | settings_of(servers)
        sitting = Sitting(servers, sheet, size_of(options), frozenset(options.only))
        contenders = chosen(options, sheet)
        about["Load at start"] = f"{machine.load():.1f}"
        measure(sitting, contenders)
        about["Load at end"] = f"{machine.load():.1f}"
    text = sheet.markdown(about, sitting.ratios(), kept(sitting))
    print("\n" + text)
    if options.docs:
        write_page(PAGE, text)
    if options.json:
        sheet.write_json(options.json, about)
    return int(sitting.failed)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--against", nargs="*", metavar="PEER", help="These peers; none for none.")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--quick", action="store_true", help="A tenth of it, twice: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write the samples to a file.")
    parser.add_argument("--docs", action="store_true", help=f"Write the figures into {PAGE.name}.")
    return parser.parse_args()


def size_of(options: argparse.Namespace) -> Size:
    size = QUICK if options.quick else Size()
    return Size(options.repeats or size.repeats, size.share)


def chosen(options: argparse.Namespace, sheet: Sheet) -> list[Contender]:
    """Return ours and the peers that were asked for and are installed."""
    ours = [each for each in CONTENDERS if each.name == OURS]
    peers = [each for each in CONTENDERS if each.name != OURS]
    if options.against is not None:
        asked = [name.lower() for name in options.against]
        peers = [each for each in peers if any(name in each.name.lower() for name in asked)]
    if peers and CONTESTS & set(options.only) and not peers_there():
        sheet.note(
            "The peers are not installed, so that none was measured: `tools/environment bench`"
            " makes .venv-bench, or BENCH_PEERS_PYTHON names a Python that has them."
        )
        peers = []
    return ours + peers


def settings_of(servers: Servers) -> dict[str, str]:
    names = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
    values = [servers.execute(f"SHOW {name}")[0][0] for name in names]
    said = ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
    return {"PostgreSQL's settings": said + ", the rest as packaged"}


def measure(sitting: Sitting, contenders: list[Contender]) -> None:
    if CONTESTS & sitting.only:
        sitting.contest(contenders)
    measure_alone(sitting)


if __name__ == "__main__":
    sys.exit(main())
