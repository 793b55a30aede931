"""Keep the garbage collector from looking at what never becomes garbage."""

import gc

# New containers between two collections of the youngest, where Python takes 700. What a step leaves
# is mostly freed by its reference count: at 700 a worker collects every 5 ms and finds little.
YOUNGEST_THRESHOLD = 10_000


def collect_seldom() -> None:
    """Exclude everything loaded so far from garbage collection, and collect less often.

    A full collection looks through every object, and stops all threads meanwhile: the modules and
    models alone took 10 % of the time of a busy worker. Call it once a process has started.

    What was frozen no longer counts as long-lived, and full collections become due as what is new
    grows by a quarter: without the higher threshold they come more often than before.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNGEST_THRESHOLD, *gc.get_threshold()[1:])
