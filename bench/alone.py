"""Measure what no peer does: fan-out, timers, growth, and the one-process default."""

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
# Two, as production may have: no timer may fire on both.
CLOCKS = 2


def measure_alone(sitting: Sitting) -> None:
    """Measure those of the workloads that the sitting was asked for."""
    for name, measure in {
        "w3": measure_fan_out,
        "w4": measure_timers_at_a_rate,
        "w5": measure_timers_at_once,
        "embedded": measure_embedded,
        "growth": measure_growth,
    }.items():
        if name in sitting.only:
            sitting.attempt(name, partial(measure, sitting))


def measure_fan_out(sitting: Sitting) -> None:
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


def measure_timers_at_a_rate(sitting: Sitting) -> None:
    """W4: a hundred timers a second while ten thousand runs wait; a sample is ten seconds."""
    windows, due = sitting.size.repeats, TIMERS_A_SECOND * WINDOW_SECONDS
    with ExitStack() as stack:
        desk = start_our_desk(sitting.servers, stack, "timers", CLOCKS)
        fill_with_waiting_runs(sitting, desk, sitting.size.of(WAITING) + windows * due)
        for _ in range(windows):
            load = machine.load()
            fired = desk.ask("let_fall_due", count=due, a_second=TIMERS_A_SECOND)
            sitting.sheet.add("W4", OURS, lateness_figures(fired["late"], "ms"), load)


def measure_timers_at_once(sitting: Sitting) -> None:
    """W5: ten thousand timers that fall due at the same instant."""
    due = sitting.size.of(WAITING)
    with ExitStack() as stack:
        desk = start_our_desk(sitting.servers, stack, "timers", CLOCKS)
        fill_with_waiting_runs(sitting, desk, due * sitting.size.repeats)
        for _ in range(sitting.size.repeats):
            load = machine.load()
            late = desk.ask("let_fall_due", count=due, a_second=0)["late"]
            figures = {**lateness_figures(late, "s"), "resumed": (due / max(late), "/s")}
            sitting.sheet.add("W5", OURS, figures, load)


def fill_with_waiting_runs(sitting: Sitting, desk: Speaker, runs: int) -> None:
    """Fill the database of the timers with so many runs that wait for a time far away."""
    desk.ask("wait_for_years", runs=ORIGINALS)
    copy_runs(f"{sitting.servers.database_server}/timers", originals=ORIGINALS, rows=runs)
    sitting.sheet.say(f"{runs:,} runs wait")


def lateness_figures(late: Sequence[float], unit: str) -> dict[str, tuple[float, str]]:
    """Return the figures for how many seconds late the step after each wait began."""
    times = 1_000 if unit == "ms" else 1
    return {
        "late p50": (statistics.median(late) * times, unit),
        "late p99": (percentile(late, 0.99) * times, unit),
    }


# --- Growth, embedded ---------------------------------------------------------------------


def measure_growth(sitting: Sitting) -> None:
    """W1 while ever more runs are stored, each number of them in a database of its own, in turn.

    Each repeat begins with another number: what PostgreSQL has still to write after the databases
    were filled slows down whichever comes first.
    """
    sizes = [stored for stored in STORED if stored <= sitting.size.of(STORED[-1])]
    fill_databases(sitting, sizes)
    for repeat in range(sitting.size.repeats):
        first = repeat % len(sizes)
        for stored in sizes[first:] + sizes[:first]:
            database = f"stored-{stored}"
            if stored <= STORED[1]:
                # A fresh copy: the runs of an earlier repeat would be as many as those stored.
                sitting.servers.copy_database(f"filled-{stored}", database)
            one = Contender(f"{stored:,} stored", partial(start_ours, database=database), 2_000)
            with one.running(sitting.servers) as running:
                sitting.linear(one, running, "growth")


def fill_databases(sitting: Sitting, sizes: Sequence[int]) -> None:
    """Fill a database for each size: with real runs of ten steps, and with copies of them."""
    servers = sitting.servers
    with ExitStack() as stack:
        start_our_desk(servers, stack, "originals").ask("filled", runs=ORIGINALS)
    # With the default size of the log, filling would be one long checkpoint.
    servers.set("max_wal_size", "8GB")
    for stored in sizes:
        name = f"filled-{stored}" if stored <= STORED[1] else f"stored-{stored}"
        servers.copy_database("originals", name)
        copy_runs(f"{servers.database_server}/{name}", originals=ORIGINALS, rows=stored - ORIGINALS)
        sitting.sheet.say(f"{stored:,} runs stored, {read_size(servers, name)}")
    servers.set("max_wal_size", None)


def read_size(servers: Servers, database: str) -> str:
    size = servers.execute(f"SELECT pg_size_pretty(pg_database_size('{database}'))")[0][0]
    return str(size)


def measure_embedded(sitting: Sitting) -> None:
    """W1 of the one-process default, on SQLite."""
    with EMBEDDED.running(sitting.servers) as running:
        for _ in range(sitting.size.repeats):
            sitting.linear(EMBEDDED, running)


def list_shares_kept(sitting: Sitting) -> list[str]:
    """Return, as rows of a table, which share of its speed W1 keeps while more runs are stored."""
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
