"""Start real model servers on loopback, each behind its own connection, and end them again.

They run in an environment of their own, ``.venv-models``, which ``tools/environment models`` makes.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.models.factors import CODES, FACTORS, encode
from tests.servers import ROOT, ServerFailed, free_port, list_children, private_folder

Json = Any
ENVIRONMENT = Path(os.environ.get("MODELS_ENVIRONMENT", ROOT / ".venv-models"))
# Ray is the slowest; on two busy cores it took 50 s.
START_SECONDS = 240.0
STOP_SECONDS = 20.0
# No server may report home.
SILENCE = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray then keeps to loopback.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
FEATURES = [{"name": name, "datatype": "BYTES" if name in CODES else "FP64"} for name in FACTORS]
AS_PROBABILITIES = {
    "outputs": ["predict_proba"],
    "confidence": {"how": "top_class", "path": "predict_proba"},
}
AS_REASONED = {
    "confidence": {"how": "field", "path": "confidence"},
    "reasons_at": "reasons",
    "version_at": "version",
}


@dataclass(frozen=True)
class Peer:
    """A model server that runs here. ``command`` and ``prepare`` take its folder and its port.

    ``kind`` and ``options`` are those of a connection to it, ``read`` finds the probability of
    "good" in the connection's output, and ``health`` is where the server says that it is ready.
    """

    name: str
    packages: tuple[str, ...]
    command: Callable[[Path, int], Sequence[str]]
    health: str
    kind: str
    options: Mapping[str, Json]
    read: Callable[[Mapping[str, Json]], float]
    prepare: Callable[[Path, int], Sequence[str]] | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    to_input: Callable[[dict[str, Any]], dict[str, Any]] = dict


def _module(name: str, *arguments: object) -> list[str]:
    return ["python", "-m", f"tests.models.peers.{name}", *(str(each) for each in arguments)]


def _mlserver(name: str, **differing: Any) -> Peer:
    return Peer(
        name=name,
        packages=("mlserver", "mlserver-sklearn"),
        prepare=lambda folder, port: _module("mlserver", folder, port, free_port(), free_port()),
        command=lambda folder, _: ["mlserver", "start", str(folder)],
        health="/v2/models/scorecard/ready",
        kind="oip",
        read=lambda output: output["predict_proba"][1],
        **differing,
    )


PEERS = (
    _mlserver(
        "mlserver",
        options={"features": FEATURES, **AS_PROBABILITIES},
        # The model is given a data frame, whose columns are the tensors.
        parameters={"content_type": "pd"},
    ),
    _mlserver(
        "mlserver, one tensor",
        options={
            "features": [{"name": name} for name in FACTORS],
            "tensor": "factors",
            **AS_PROBABILITIES,
        },
        to_input=encode,
    ),
    Peer(
        name="kserve",
        packages=("kserve",),
        command=lambda _, port: _module("kserve", port),
        health="/v2/models/scorecard/ready",
        kind="oip",
        options={"features": FEATURES, **AS_PROBABILITIES},
        read=lambda output: output["predict_proba"][1],
    ),
    Peer(
        name="mlflow",
        packages=("mlflow",),
        prepare=lambda folder, _: _module("mlflow", folder),
        command=lambda folder, port: [
            "mlflow", "models", "serve", "--model-uri", str(folder / "model"),
            "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port),
        ],
        health="/ping",
        kind="mlflow",
        options={
            "columns": list(FACTORS),
            "confidence": {"how": "top_class", "path": "prediction"},
        },
        read=lambda output: output["prediction"][1],
    ),
    Peer(
        name="bentoml",
        packages=("bentoml",),
        command=lambda _, port: [
            "bentoml", "serve", "tests.models.peers.bentoml:Scorecard",
            "--host", "127.0.0.1", "--port", str(port),
        ],
        health="/readyz",
        kind="bentoml",
        options={"route": "/predict", "parameter": "application", **AS_REASONED},
        read=lambda output: output["probability_good"],
    ),
    Peer(
        name="ray serve",
        packages=("ray",),
        command=lambda _, port: _module("ray_serve", port),
        health="/-/routes",
        kind="ray_serve",
        options={"route": "/scorecard", **AS_REASONED},
        read=lambda output: output["probability_good"],
    ),
)  # fmt: skip


@contextlib.contextmanager
def serve(peer: Peer) -> Iterator[str]:
    """Give the address of the peer, which serves the scorecard. Raises: ServerFailed."""
    with private_folder() as folder:
        port, log = free_port(), folder / "log"
        if peer.prepare is not None:
            _prepare(peer.prepare(folder, port), folder)
        with log.open("w") as output:
            process = subprocess.Popen(
                peer.command(folder, port), cwd=folder, env=_environment(folder),
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True,
                start_new_session=True,
            )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(address + peer.health, process, log)
            yield address
        finally:
            _end_group(process)


def _environment(folder: Path) -> dict[str, str]:
    programs = ENVIRONMENT / "bin"
    return {
        **os.environ,
        **SILENCE,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BENTOML_HOME": str(folder / "bentoml"),
    }


def _prepare(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ServerFailed(f"{command} failed:\n{done.stderr[-4000:]}")


def _wait_until_ready(url: str, process: "subprocess.Popen[str]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            answer = requests.get(url, timeout=5)
            # Ray answers before its application is there: its routes then name it.
            if answer.ok and (not url.endswith("/-/routes") or "scorecard" in answer.text):
                return
        time.sleep(0.2)
    raise ServerFailed(f"{process.args!r} did not start:\n{log.read_text()[-4000:]}")


def _end_group(process: "subprocess.Popen[str]") -> None:
    """End the process with all that it started, also what has left its group, as Ray's do."""
    descendants = _list_descendants(process.pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pid in descendants:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _list_descendants(parent: int) -> list[int]:
    found = list_children(parent)
    return [*found, *(each for child in found for each in _list_descendants(child))]
