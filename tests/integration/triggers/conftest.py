from collections.abc import Iterator

import pytest

from flows.runtime.program import forget_programs
from tests.integration.runtime import kit


@pytest.fixture(autouse=True)
def fresh_kit() -> Iterator[None]:
    forget_programs()
    kit.calls.clear()
    kit.effects.clear()
    yield
    forget_programs()
