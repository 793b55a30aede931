"""Import every kind of connection, so that each registers itself."""

from flows.connections.adapters import (  # noqa: F401
    anthropic,
    bentoml,
    mlflow,
    oip,
    opa,
    openai,
    plain,
    ray_serve,
    torchserve,
)
