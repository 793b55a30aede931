"""Describe the machine, without which no figure can be compared."""

import os
import platform
import subprocess
from pathlib import Path

from tests.servers import find_postgresql, find_redis


def describe() -> dict[str, str]:
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "Memory": f"{_memory_gib():.0f} GiB",
        "Kernel": platform.release(),
        "Python": platform.python_version(),
        "PostgreSQL": _version([str(find_postgresql() / "postgres"), "--version"]),
        "Redis": _version([find_redis(), "--version"]),
    }


def load() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _version(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return next(word.removeprefix("v=") for word in said if word.removeprefix("v=")[0].isdigit())
