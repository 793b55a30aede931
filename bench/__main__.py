"""``make bench``: measure the engine beside its peers, in one sitting.

Starts a PostgreSQL with fsync on and a Redis, private and on loopback, measures every workload five
times, and prints the figures as Markdown. docs/performance.md describes the workloads.
"""

import argparse
import signal
import sys
from pathlib import Path

from bench import machine
from bench.alone import list_shares_kept, measure_alone
from bench.contenders import CONTENDERS, OURS, Contender, are_peers_installed
from bench.figures import Sheet, write_page
from bench.servers import Servers, start_servers
from bench.sitting import Sitting, Size

WORKLOADS = ("w1", "w2", "burst", "w3", "w4", "w5", "embedded", "growth")
CONTESTS = {"w1", "w2", "burst"}
PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"
QUICK = Size(repeats=2, share=0.1)


def main() -> int:
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sheet = Sheet()
    with start_servers() as servers:
        about = machine.describe() | read_settings(servers)
        sitting = Sitting(servers, sheet, choose_size(options), frozenset(options.only))
        contenders = choose_contenders(options, sheet)
        about["Load at start"] = f"{machine.load():.1f}"
        measure(sitting, contenders)
        about["Load at end"] = f"{machine.load():.1f}"
    text = sheet.markdown(about, sitting.ratios(), list_shares_kept(sitting))
    print("\n" + text)
    if options.docs:
        write_page(PAGE, text)
    if options.json:
        sheet.write_json(options.json, about)
    return int(sitting.failed)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument(
        "--against", nargs="*", metavar="PEER", help="Only these peers; no name for no peer."
    )
    parser.add_argument("--repeats", type=int)
    parser.add_argument(
        "--quick", action="store_true", help="A tenth of the work, twice: to see that it runs."
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write the samples to a file.")
    parser.add_argument("--docs", action="store_true", help=f"Write the figures into {PAGE.name}.")
    return parser.parse_args()


def choose_size(options: argparse.Namespace) -> Size:
    size = QUICK if options.quick else Size()
    return Size(options.repeats or size.repeats, size.share)


def choose_contenders(options: argparse.Namespace, sheet: Sheet) -> list[Contender]:
    """Return our engine and the peers that were asked for, if they are installed."""
    ours = [each for each in CONTENDERS if each.name == OURS]
    peers = [each for each in CONTENDERS if each.name != OURS]
    if options.against is not None:
        asked = [name.lower() for name in options.against]
        peers = [each for each in peers if any(name in each.name.lower() for name in asked)]
    if peers and CONTESTS & set(options.only) and not are_peers_installed():
        sheet.note(
            "No peer was measured, because they are not installed: `tools/environment bench`"
            " makes .venv-bench with them, or BENCH_PEERS_PYTHON names a Python that has them."
        )
        peers = []
    return ours + peers


def read_settings(servers: Servers) -> dict[str, str]:
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
