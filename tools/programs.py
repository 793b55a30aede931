"""The programs that tests and measurements need: find them, and install those that are missing.

``python -m tools.programs postgresql redis`` does so for those that are named.
"""

import contextlib
import os
import shutil
import subprocess
import sys

from tests import servers

# What a tier of tests needs, and the package that has it.
PACKAGES = {
    "postgresql": "postgresql",
    "redis": "redis-server",
    "chromium": "chromium",
    "node": "nodejs",
    "npm": "npm",
    "tesseract": "tesseract-ocr",
    "java": "openjdk-17-jre-headless",
}


def is_installed(program: str) -> bool:
    if program == "postgresql":
        with contextlib.suppress(servers.ServerMissing):
            return bool(servers.find_postgresql())
        return False
    commands = {"redis": "redis-server"}
    return shutil.which(commands.get(program, program)) is not None


def install_missing(programs: set[str]) -> None:
    """Install what is missing with apt, where that is possible without a password."""
    missing = sorted(PACKAGES[program] for program in programs if not is_installed(program))
    if not missing:
        return
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = shutil.which("apt-get")
    if not apt or (root and not _may_sudo()):
        print(f"Not installed here: {', '.join(missing)}", flush=True)
        return
    print(f"Installing {', '.join(missing)}", flush=True)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "-y", "-qq", "--no-install-recommends", *missing]
    for arguments in (["update", "-qq"], install):
        # What could not be installed is named at the end; apt's own words say why.
        subprocess.run(
            [*root, apt, *arguments], env=env, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip


def _may_sudo() -> bool:
    if not shutil.which("sudo"):
        return False
    return subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    install_missing(set(sys.argv[1:]))
