"""Write what TorchServe serves: ``python -m tests.models.peers.torchserve FOLDER PORT…``."""

import subprocess
import sys
from pathlib import Path

ADDRESSES = ("inference_address", "management_address", "metrics_address")
GRPC_PORTS = ("grpc_inference_port", "grpc_management_port")


def main(folder: Path, ports: list[str]) -> None:
    handler = Path(__file__).with_name("torchserve_handler.py")
    subprocess.run(
        [
            "torch-model-archiver", "--model-name", "scorecard", "--version", "1.0",
            "--handler", str(handler), "--export-path", str(folder),
        ],
        check=True,
    )  # fmt: skip
    addresses = zip(ADDRESSES, ports[:3], strict=True)
    settings = {name: f"http://127.0.0.1:{port}" for name, port in addresses}
    settings |= dict(zip(GRPC_PORTS, ports[3:], strict=True))
    settings |= {
        "grpc_inference_address": "127.0.0.1",
        "grpc_management_address": "127.0.0.1",
        "default_workers_per_model": "1",
        "disable_system_metrics": "true",
    }
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (folder / "config.properties").write_text("".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
