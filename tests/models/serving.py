"""Start real model servers on loopback, each behind its own connection, and end them again.

They run in an environment of their own, ``.venv-models``, which ``tools/environment models`` makes.
TorchServe, which needs Java 17 too, and the language server run in ``.venv-torch``. Triton runs in
``.venv-triton``, of Debian's own Python 3.11: it embeds an interpreter, which fails with the
standard library of 3.11.7. Where that Python or Java is missing, their tests are skipped.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any

import requests

from tests.models.factors import CODES, FACTORS, encode
from tests.servers import ROOT, ServerFailed, free_port, list_children, private_folder

Json = Any
ENVIRONMENT = Path(os.environ.get("MODELS_ENVIRONMENT", ROOT / ".venv-models"))
TORCH = Path(os.environ.get("TORCH_ENVIRONMENT", ROOT / ".venv-torch"))
TRITON = Path(os.environ.get("TRITON_ENVIRONMENT", ROOT / ".venv-triton"))
# Ray is the slowest; on two busy cores it took 50 s.
START_SECONDS = 240.0
STOP_SECONDS = 20.0
# No server may report home.
SILENCE = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "true",
    "DO_NOT_TRACK": "true",
    "HF_HUB_OFFLINE": "1",
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

    ``kind`` and ``options`` are those of a connection to it; ``probability_at`` is where that of
    "good" stands in the connection's output. The server is ready when it answers at ``ready_at``.
    ``unknown_purpose`` is a purpose of a loan that the scorecard does not know.
    """

    name: str
    packages: tuple[str, ...]
    command: Callable[[Path, int], Sequence[str]]
    ready_at: str
    kind: str
    options: Mapping[str, Json]
    probability_at: str
    prepare: Callable[[Path, int], Sequence[str]] | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    to_input: Callable[[dict[str, Any]], dict[str, Any]] = dict
    unknown_purpose: Json = "a boat"
    environment: Path = ENVIRONMENT
    # What it needs beside its environment.
    program: str = "sh"

    @property
    def is_installed(self) -> bool:
        has_program = shutil.which(self.program) is not None
        return has_program and (self.environment / "bin" / "python").exists()

    def find_versions(self) -> dict[str, str]:
        """Return the versions of its packages."""
        folders = self.environment.glob("lib/python*/site-packages/*.dist-info")
        named = {
            str(each.metadata["Name"]).lower(): each.version
            for each in map(PathDistribution, folders)
        }
        return {name: named[name] for name in self.packages}


def _module(name: str, *arguments: object) -> list[str]:
    return ["python", "-m", f"tests.models.peers.{name}", *(str(each) for each in arguments)]


def _mlserver(name: str, **differing: Any) -> Peer:
    return Peer(
        name=name,
        packages=("mlserver", "mlserver-sklearn"),
        prepare=lambda folder, port: _module("mlserver", folder, port, free_port(), free_port()),
        command=lambda folder, _: ["mlserver", "start", str(folder)],
        ready_at="/v2/models/scorecard/ready",
        kind="oip",
        probability_at="predict_proba.1",
        **differing,
    )


# A server of a language model, which `llm.chat` asks: no scorecard stands behind it.
LANGUAGE = Peer(
    name="transformers",
    packages=("transformers", "torch"),
    environment=TORCH,
    prepare=lambda folder, _: _module("transformers", folder / "model"),
    command=lambda folder, port: [
        "transformers", "serve", str(folder / "model"),
        "--host", "127.0.0.1", "--port", str(port), "--device", "cpu",
    ],
    ready_at="/health",
    kind="openai",
    options={"response_format": "asked"},
    probability_at="",
)  # fmt: skip
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
        unknown_purpose=99.0,
    ),
    Peer(
        name="kserve",
        packages=("kserve",),
        command=lambda _, port: _module("kserve", port),
        ready_at="/v2/models/scorecard/ready",
        kind="oip",
        options={"features": FEATURES, **AS_PROBABILITIES},
        probability_at="predict_proba.1",
    ),
    Peer(
        name="mlflow",
        packages=("mlflow",),
        prepare=lambda folder, _: _module("mlflow", folder),
        command=lambda folder, port: [
            "mlflow", "models", "serve", "--model-uri", str(folder / "model"),
            "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port),
        ],
        ready_at="/ping",
        kind="mlflow",
        options={
            "columns": list(FACTORS),
            "confidence": {"how": "top_class", "path": "prediction"},
        },
        probability_at="prediction.1",
    ),
    Peer(
        name="bentoml",
        packages=("bentoml",),
        command=lambda _, port: [
            "bentoml", "serve", "tests.models.peers.bentoml:Scorecard",
            "--host", "127.0.0.1", "--port", str(port),
        ],
        ready_at="/readyz",
        kind="bentoml",
        options={"route": "/predict", "parameter": "application", **AS_REASONED},
        probability_at="probability_good",
    ),
    Peer(
        name="ray serve",
        packages=("ray",),
        command=lambda _, port: _module("ray_serve", port),
        ready_at="/-/routes",
        kind="ray_serve",
        options={"route": "/scorecard", **AS_REASONED},
        probability_at="probability_good",
    ),
    Peer(
        name="torchserve",
        packages=("torchserve", "torch"),
        environment=TORCH,
        program="java",
        prepare=lambda folder, port: _module(
            "torchserve", folder, port, *(free_port() for _ in range(4))
        ),
        command=lambda folder, _: [
            "torchserve", "--start", "--ncs", "--foreground", "--disable-token-auth",
            "--model-store", str(folder), "--models", "scorecard=scorecard.mar",
            "--ts-config", str(folder / "config.properties"),
        ],
        ready_at="/ping",
        kind="torchserve",
        options=AS_REASONED,
        probability_at="probability_good",
    ),
    Peer(
        name="triton",
        packages=("nvidia-pytriton",),
        environment=TRITON,
        command=lambda _, port: _module("triton", port, free_port(), free_port()),
        ready_at="/v2/models/scorecard/ready",
        kind="oip",
        options={
            "features": [{"name": name} for name in FACTORS],
            "tensor": "factors",
            **AS_PROBABILITIES,
        },
        probability_at="predict_proba.1",
        to_input=encode,
        unknown_purpose=99.0,
    ),
)  # fmt: skip


@contextlib.contextmanager
def serve(peer: Peer) -> Iterator[str]:
    """Give the address of the peer, which serves the scorecard. Raises: ServerFailed."""
    with private_folder() as folder:
        port, log = free_port(), folder / "log"
        if peer.prepare is not None:
            _prepare(peer, peer.prepare(folder, port), folder)
        with log.open("w") as output:
            process = subprocess.Popen(
                peer.command(folder, port), cwd=folder, env=_environment(peer, folder),
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True,
                start_new_session=True,
            )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(address + peer.ready_at, process, log)
            yield address
        finally:
            _end_group(process)


def _environment(peer: Peer, folder: Path) -> dict[str, str]:
    programs = peer.environment / "bin"
    return {
        **os.environ,
        **SILENCE,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BENTOML_HOME": str(folder / "bentoml"),
    }


def _prepare(peer: Peer, command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(peer, folder),
        capture_output=True,
        text=True,
        check=False,
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
