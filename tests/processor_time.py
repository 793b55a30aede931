"""Measure what code takes of the processor, whatever else the process holds."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class ProcessorTime:
    """How many ``seconds`` a block took; 0 until it has ended."""

    seconds: float = 0.0


@contextmanager
def take_processor_time() -> Iterator[ProcessorTime]:
    """Measure the block without the garbage collector.

    A full collection walks all that this process holds, which after some thousand tests takes half
    a second: a service leaves out what it has loaded (``workbench.process.memory``).
    """
    taken = ProcessorTime()
    gc.disable()
    began = time.process_time()
    try:
        yield taken
    finally:
        taken.seconds = time.process_time() - began
        gc.enable()
