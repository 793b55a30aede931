"""Every request of a web test is watched: what it changes must be in the ledger."""

from collections.abc import Iterator

import pytest

from tests.web.recording import watch


@pytest.fixture(autouse=True)
def every_change_is_recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with watch(monkeypatch) as unrecorded:
        yield
    assert not unrecorded, "\n".join(unrecorded)
