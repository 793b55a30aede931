"""Import every kind of connection, so that each registers itself."""

from flows.connections.adapters import (  # noqa: F401
    anthropic,
    bentoml,
    mlflow,
    oip,
    openai,
    plain,
    ray_serve,
    torchserve,
)
