"""Memory that the storm shares with the processes it disturbs: a slot for each of them."""

import mmap
import struct
from pathlib import Path

# What is armed: an index into the failpoints, 0 for nothing, and below 0 the one that was hit. By
# how many seconds the clock is off.
SLOT = struct.Struct("=id")
SLOTS = 32


class Control:
    """One slot a process. Reading is cheap enough for the hot path of a worker."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SLOT.size * SLOTS))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), SLOT.size * SLOTS)

    def armed(self, slot: int) -> int:
        return int(SLOT.unpack_from(self._memory, slot * SLOT.size)[0])

    def offset_seconds(self, slot: int) -> float:
        return float(SLOT.unpack_from(self._memory, slot * SLOT.size)[1])

    def arm(self, slot: int, point: int) -> None:
        struct.pack_into("=i", self._memory, slot * SLOT.size, point)

    def shift(self, slot: int, seconds: float) -> None:
        struct.pack_into("=d", self._memory, slot * SLOT.size + 4, seconds)
