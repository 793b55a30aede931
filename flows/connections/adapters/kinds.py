"""Import every kind of model server, so that each registers itself."""

from flows.connections.adapters import bentoml, mlflow, oip, ray_serve, torchserve  # noqa: F401
