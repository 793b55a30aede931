"""A TCP proxy in a process of its own, whose connections a test cuts, stalls, leaves unanswered.

``with tcp_proxy(port) as proxy:`` yields one whose ``port`` leads to the given port of this host.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CHUNK_BYTES = 256 * 1024


@dataclass
class TcpProxy:
    """The test's side of it."""

    port: int
    process: "subprocess.Popen[str]"

    def cut(self) -> None:
        """Drop every connection, without a word to either side."""
        self._tell(act="cut")

    def lose_answers(self) -> None:
        """Swallow the next answer of each connection and drop it: what was asked is done."""
        self._tell(act="lose")

    def stall(self, seconds: float) -> None:
        """Pass nothing on, in either direction, for so long."""
        self._tell(act="stall", seconds=seconds)

    def _tell(self, **order: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()


@contextlib.contextmanager
def tcp_proxy(target: int) -> Iterator[TcpProxy]:
    program = [sys.executable, "-m", "tests.tcp_proxy", str(target)]
    process = subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield TcpProxy(int(process.stdout.readline()), process)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait()


# --- The process's side -----------------------------------------------------------------------


class _Proxy:
    def __init__(self, target: int) -> None:
        self.target = target
        self.open: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self.losing: set[asyncio.StreamWriter] = set()
        self.stalled_until = 0.0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, asks = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _drop(writer)
            return
        self.open[writer] = asks
        await asyncio.gather(
            self.pass_on(reader, asks, None), self.pass_on(answers, writer, writer)
        )
        self.open.pop(writer, None)
        self.losing.discard(writer)

    async def pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: asyncio.StreamWriter | None,
    ) -> None:
        """Copy until one side ends; ``client`` is set on the way back to it."""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                while (left := self.stalled_until - time.monotonic()) > 0:
                    await asyncio.sleep(left)
                if client is not None and client in self.losing:
                    self.drop(client)
                    return
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    def drop(self, client: asyncio.StreamWriter) -> None:
        _drop(client)
        if (server := self.open.get(client)) is not None:
            _drop(server)

    def obey(self, act: str, seconds: float = 0) -> None:
        if act == "cut":
            for client in list(self.open):
                self.drop(client)
        elif act == "lose":
            self.losing.update(self.open)
        else:
            self.stalled_until = time.monotonic() + seconds


def _drop(writer: asyncio.StreamWriter) -> None:
    transport: Any = writer.transport
    transport.abort()


async def _main(target: int) -> None:
    proxy = _Proxy(target)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, backlog=200)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while line := await orders.readline():
        proxy.obey(**json.loads(line))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
