"""The tiers of tests: what each runs, what it needs, and which run side by side."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import servers

ROOT = Path(__file__).resolve().parent.parent
PYTEST = [sys.executable, "-m", "pytest", "-q", "--no-header"]
EDITOR = ROOT / "frontend" / "editor"
NOT_SCREENS = ("-m", "not screens")


@dataclass(frozen=True)
class Tier:
    """Tests that run as one process. ``needs`` are programs, by their names in PACKAGES.

    ``wants`` are programs that some of its tests need, which skip themselves without them.
    """

    name: str
    folders: tuple[str, ...]
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    with_servers: bool = False
    arguments: tuple[str, ...] = ()

    @property
    def has_tests(self) -> bool:
        return any(_has_tests(ROOT / folder) for folder in self.folders)

    def commands(self, report: Path) -> list[list[str]]:
        """Return the commands to run one after the other; pytest writes ``report``."""
        if self.name == "js":
            return [*_install_editor(), ["node", "--test", "--test-reporter=tap", *_js_tests()]]
        if self.name == "editor build":
            return [*_install_editor(), [sys.executable, "-m", "tools.check_editor_build"]]
        return [[*PYTEST, f"--junitxml={report}", *self.arguments, *self.folders]]

    @contextlib.contextmanager
    def environment(self) -> Iterator[dict[str, str]]:
        """Give the environment of its process, with servers that stop when the block ends."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}
        if not self.with_servers:
            yield env
            return
        with servers.postgresql() as database_url, servers.redis_server() as redis_url:
            yield env | {"TEST_DATABASE_URL": database_url, "TEST_REDIS_URL": redis_url}


TIERS = {
    tier.name: tier
    for tier in (
        Tier("unit", ("tests/unit",), wants=("tesseract",)),
        Tier("js", ("tests/js",), needs=("node",)),
        Tier("integration, SQLite", ("tests/integration",), arguments=("-m", "not own_servers")),
        Tier(
            "integration, servers of their own",
            ("tests/integration",),
            needs=("postgresql", "redis"),
            arguments=("-m", "own_servers"),
        ),
        Tier(
            "integration, PostgreSQL and Redis",
            ("tests/integration",),
            needs=("postgresql", "redis"),
            with_servers=True,
            arguments=("-m", "not own_servers"),
        ),
        Tier("web", ("tests/web",)),
        Tier("browser", ("tests/browser",), needs=("chromium",), arguments=NOT_SCREENS),
        Tier(
            "chaos", ("tests/chaos",), needs=("postgresql", "redis"), arguments=("--timeout=300",)
        ),
        Tier("models", ("tests/models",), arguments=("-s", "--timeout=600")),
        Tier("editor build", ("frontend/editor",), needs=("npm",)),
        Tier("screens", ("tests/browser",), needs=("chromium",), arguments=("-m", "screens")),
        Tier("bench-editor", ("bench/editor",), needs=("chromium",), arguments=("--timeout=600",)),
    )
}
# For two cores, two at a time, each thread taking the next: the long ones first, and those that
# mostly wait for other processes beside those that compute.
AT_ONCE = 2
ORDER = (
    "browser",
    "js",  # installs the packages that the editor's build needs at the end
    "integration, PostgreSQL and Redis",
    "integration, servers of their own",
    "web",
    "chaos",
    "integration, SQLite",
    "unit",
    "editor build",
)


def _has_tests(folder: Path) -> bool:
    if folder == EDITOR:
        return (folder / "package-lock.json").exists()
    patterns = ("test_*.py", "*.test.js", "*.test.mjs")
    return any(found for pattern in patterns for found in folder.rglob(pattern))


def _js_tests() -> list[str]:
    return [
        str(path)
        for pattern in ("*.test.js", "*.test.mjs")
        for path in sorted((ROOT / "tests/js").rglob(pattern))
    ]


def _install_editor() -> list[list[str]]:
    """Return the command that installs the editor's packages, or none if they are there."""
    if not (EDITOR / "package-lock.json").exists() or (EDITOR / "node_modules").exists():
        return []
    return [["npm", "ci", "--prefix", str(EDITOR), "--no-audit", "--no-fund", "--silent"]]
