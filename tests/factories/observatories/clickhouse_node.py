"""One ClickHouse node on loopback, out of the chdb-core wheel: FILE FOLDER TCP HTTP [TCP of every shard ...]

The wheel carries clickhouse-local, which can listen (`SYSTEM START LISTEN`), but its public `query` refuses that. So
its extension is loaded without the package's own start-up, and the low-level call is made: a private one, here alone.
What listens is ClickHouse's own TCP and HTTP handlers, MergeTree and Distributed; replication, Keeper, users and TLS
are not in it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any

GLOBAL = os.RTLD_GLOBAL if hasattr(os, "RTLD_GLOBAL") else 0


def chdb_extension() -> Any:
    """chdb._chdb, without chdb/__init__: that one would start an engine of its own."""
    package = Path(importlib.util.find_spec("chdb").submodule_search_locations[0])  # type: ignore[union-attr, index]
    library = next(package.glob("_chdb*.so"))
    module = types.ModuleType("chdb")
    module.__path__ = [str(package)]
    sys.modules["chdb"] = module
    before = os.getcwd()
    os.chdir(package)
    ctypes.CDLL(str(library), mode=sys.getdlopenflags() | GLOBAL)
    spec = importlib.util.spec_from_file_location("chdb._chdb", library)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules["chdb._chdb"] = found
    spec.loader.exec_module(found)
    os.chdir(before)
    return found


def node_config(folder: Path, tcp: str, http: str, shards: list[str]) -> str:
    """What clickhouse-local reads from ./config.xml."""
    parts = "".join(f"<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>" for port in shards)
    cluster = f"<remote_servers><pair>{parts}</pair></remote_servers>" if shards else ""
    return (
        f"<clickhouse><listen_host>127.0.0.1</listen_host><tcp_port>{tcp}</tcp_port><http_port>{http}</http_port>"
        f"<logger><level>warning</level><log>{folder}/log.txt</log><errorlog>{folder}/errors.txt</errorlog></logger>"
        f"<max_server_memory_usage>3000000000</max_server_memory_usage>{cluster}</clickhouse>"
    )


def main(folder: Path, tcp: str, http: str, *shards: str) -> None:
    """Listen until killed: a query that reads an empty pipe keeps it alive."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    Path("config.xml").write_text(node_config(folder, tcp, http, list(shards)))
    Path("pipe").unlink(missing_ok=True)
    os.mkfifo("pipe")
    listen = f"SYSTEM START LISTEN QUERIES ALL; SELECT count() FROM file('{folder}/pipe', LineAsString)"
    chdb_extension().query(listen, "TabSeparated", path=str(folder / "data"))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
