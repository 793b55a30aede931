"""A database and a queue for real worker processes, apart from those of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import servers
from tests.console import console

STEPS = "tests.integration.resilience.slow_steps"


@contextmanager
def prepared_site(
    script: str, *, redis_url: str, like: Path
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Run the script on a new database; give the site's folder and its settings."""
    with servers.postgresql(like=like) as url, servers.private_folder() as var:
        settings = {"DATABASE_URL": url, "REDIS_URL": redis_url, "STEP_MODULES": STEPS}
        with console(var, **settings) as opened:
            opened.run(script)
        yield var, settings
