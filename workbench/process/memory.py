"""What a process keeps for as long as it runs, taken out of the work of the garbage collector."""

import gc


def freeze_what_is_loaded() -> None:
    """Never look through what is loaded by now for garbage again.

    A full collection looks through every object, and stops all threads meanwhile: the modules and
    models alone took 10 % of the time of a busy worker. Call it once a process has started.
    """
    gc.collect()
    gc.freeze()
