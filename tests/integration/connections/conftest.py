from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.connections.model_server import ModelServer, serving_a_model


@pytest.fixture(scope="module")
def running_model() -> Iterator[ModelServer]:
    with serving_a_model() as server:
        yield server


@pytest.fixture
def model(running_model: ModelServer, settings: Any) -> ModelServer:
    """A model server on loopback that connections may call."""
    settings.OUTGOING_ALLOWLIST = [running_model.address]
    running_model.reset()
    return running_model
