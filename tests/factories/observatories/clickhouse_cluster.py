"""Two ClickHouse nodes on loopback that are one cluster of two shards, for tests and benchmarks."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NODE = Path(__file__).with_name("clickhouse_node.py")
PATIENCE_S = 60.0


@dataclass
class Node:
    """One of them."""

    folder: Path
    tcp: int
    http: int
    shards: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        ports = [str(port) for port in (self.tcp, self.http, *self.shards)]
        self.process = subprocess.Popen([sys.executable, str(NODE), str(self.folder), *ports],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        end = time.monotonic() + PATIENCE_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError("chdb-core's private _chdb.query no longer starts a node; see clickhouse_node.py")
            time.sleep(0.1)

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=2)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """As a power cut does to a process."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def two_nodes(folder: Path) -> Iterator[list[Node]]:
    """Both, running."""
    ports = free_ports(4)
    shards = (ports[0], ports[1])
    nodes = [Node(folder / str(at), ports[at], ports[at + 2], shards) for at in range(2)]
    try:
        for node in nodes:
            node.start()
        yield nodes
    finally:
        for node in nodes:
            node.kill()


def cluster_dsn(nodes: list[Node], database: str) -> str:
    """Of an index over both."""
    return f"clickhouse://{','.join(f'127.0.0.1:{node.http}' for node in nodes)}/{database}?cluster=pair"
