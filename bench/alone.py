"""What is measured of ours alone: fan-out, timers, growth, and the one-process default."""

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from bench import machine
from bench.contenders import EMBEDDED, OURS, Contender, start_our_desk, start_ours
from bench.conversation import Speaker
from bench.figures import percentile
from bench.servers import Servers
from bench.sitting import Sitting
from bench.stored import copy_runs

FAN_OUT = 1_000
WAITING = 10_000
TIMERS_A_SECOND = 100
WINDOW_SECONDS = 10
STORED = (1_000, 10_000, 100_000, 1_000_000)
ORIGINALS = 100
# Two, since in production there may be any number: what one fires the other must not.
CLOCKS = 2


def measure_alone(sitting: Sitting) -> None:
    """Measure what the sitting was asked for."""
    for name, measure in {
        "w3": fan_out,
        "w4": timers_at_a_rate,
        "w5": timers_in_one_second,
        "embedded": embedded,
        "growth": growth,
    }.items():
        if name in sitting.only:
            sitting.attempt(name, partial(measure, sitting))


def fan_out(sitting: Sitting) -> None:
    """W3: a thousand at once and their join, as runs of their own and as branches of one run."""
    count = sitting.size.of(FAN_OUT, least=10)
    with ExitStack() as stack:
        desk = start_our_desk(sitting.servers, stack)
        for _ in range(sitting.size.repeats):
            for shape in ("for_each", "branches"):
                load = machine.load()
                seconds = desk.ask(shape, count=count)
                name = f"{count:,} {shape.replace('_', ' ')}"
                sitting.sheet.add("W3", OURS, {name: (seconds, "s")}, load)


# --- Timers -------------------------------------------------------------------------------


def timers_at_a_rate(sitting: Sitting) -> None:
    """W4: a hundred timers a second while ten thousand runs wait; a sample is ten seconds."""
    windows, due = sitting.size.repeats, TIMERS_A_SECOND * WINDOW_SECONDS
    with ExitStack() as stack:
        desk = start_our_desk(sitting.servers, stack, "timers", CLOCKS)
        let_wait(sitting, desk, sitting.size.of(WAITING) + windows * due)
        for _ in range(windows):
            load = machine.load()
            fired = desk.ask("let_fall_due", count=due, a_second=TIMERS_A_SECOND)
            sitting.sheet.add("W4", OURS, lateness(fired["late"], "ms"), load)


def timers_in_one_second(sitting: Sitting) -> None:
    """W5: ten thousand timers that fall due at the same instant."""
    due = sitting.size.of(WAITING)
    with ExitStack() as stack:
        desk = start_our_desk(sitting.servers, stack, "timers", CLOCKS)
        let_wait(sitting, desk, due * sitting.size.repeats)
        for _ in range(sitting.size.repeats):
            load = machine.load()
            late = desk.ask("let_fall_due", count=due, a_second=0)["late"]
            figures = {**lateness(late, "s"), "resumed": (due / max(late), "/s")}
            sitting.sheet.add("W5", OURS, figures, load)


def let_wait(sitting: Sitting, desk: Speaker, runs: int) -> None:
    """Let so many runs wait for a time far away."""
    desk.ask("wait_for_years", runs=ORIGINALS)
    copy_runs(f"{sitting.servers.database_server}/timers", originals=ORIGINALS, rows=runs)
    sitting.sheet.say(f"{runs:,} runs wait")


def lateness(late: Sequence[float], unit: str) -> dict[str, tuple[float, str]]:
    """Return the figures of how late, in seconds, the step after each wait began."""
    times = 1_000 if unit == "ms" else 1
    return {
        "late p50": (statistics.median(late) * times, unit),
        "late p99": (percentile(late, 0.99) * times, unit),
    }


# --- Growth, embedded ---------------------------------------------------------------------


def growth(sitting: Sitting) -> None:
    """W1 beside ever more stored runs, each number in a database of its own, in turn.

    Each repeat begins with another number: what the filling left to be written slows whoever
    comes then.
    """
    sizes = [stored for stored in STORED if stored <= sitting.size.of(STORED[-1])]
    fill(sitting, sizes)
    for repeat in range(sitting.size.repeats):
        first = repeat % len(sizes)
        for stored in sizes[first:] + sizes[:first]:
            database = f"stored-{stored}"
            if stored <= STORED[1]:
                # What the repeat before it left would be as much as what is stored.
                sitting.servers.copy_database(f"filled-{stored}", database)
            one = Contender(f"{stored:,} stored", partial(start_ours, database=database), 2_000)
            with one.running(sitting.servers) as running:
                sitting.linear(one, running, "growth")


def fill(sitting: Sitting, sizes: Sequence[int]) -> None:
    """Make the databases: real runs of ten steps with an input and outputs, and copies of them."""
    servers = sitting.servers
    with ExitStack() as stack:
        start_our_desk(servers, stack, "originals").ask("filled", runs=ORIGINALS)
    # Only for the filling: with as much log as is packaged it would be one long checkpoint.
    servers.set("max_wal_size", "8GB")
    for stored in sizes:
        name = f"filled-{stored}" if stored <= STORED[1] else f"stored-{stored}"
        servers.copy_database("originals", name)
        copy_runs(f"{servers.database_server}/{name}", originals=ORIGINALS, rows=stored - ORIGINALS)
        sitting.sheet.say(f"{stored:,} runs stored, {size_of(servers, name)}")
    servers.set("max_wal_size", None)


def size_of(servers: Servers, database: str) -> str:
    size = servers.execute(f"SELECT pg_size_pretty(pg_database_size('{database}'))")[0][0]
    return str(size)


def embedded(sitting: Sitting) -> None:
    """W1 of the one-process default, on SQLite."""
    with EMBEDDED.running(sitting.servers) as running:
        for _ in range(sitting.size.repeats):
            sitting.linear(EMBEDDED, running)


def kept(sitting: Sitting) -> list[str]:
    """Return which share of its speed at a thousand stored runs W1 keeps beside more."""
    figures = [each for each in sitting.sheet.figures.values() if each.workload == "growth"]
    lines = []
    for figure in figures[1:]:
        pairs = zip(figure.samples, figures[0].samples, strict=False)
        shares = [100 * more / few for more, few in pairs]
        lines.append(
            f"| {figure.contender} | **{statistics.median(shares):.0f} %** |"
            f" {min(shares):.0f} to {max(shares):.0f} % |"
        )
    return lines
