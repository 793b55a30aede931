"""Run the language server by itself: ``python -m tests.language_server --port 8089``."""

import argparse
import signal

from tests.language_server import language_server


def main() -> None:
    parser = argparse.ArgumentParser(description="A language server for demos and tests.")
    parser.add_argument("--port", type=int, default=8089)
    with language_server(parser.parse_args().port) as server:
        print(f"Listening at {server.url}", flush=True)  # noqa: T201 - it is a command
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
