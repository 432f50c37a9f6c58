"""The client of HDFS."""

import socket
from typing import Any

from lakeferry.connect.connection import Connection
from lakeferry.connect.importing import ONE_AT_A_TIME
from lakeferry.errors import FerryError


def client(link: Connection, authority: str) -> Any:
    with ONE_AT_A_TIME:
        from hdfs_native import Client

    host, _, port = authority.rpartition(":")
    if host:
        _knock(host, int(port))
    config = {}
    if replication := link.get("replication"):
        config["dfs.replication"] = replication
    return Client(
        f"hdfs://{authority}" if authority else None, config or None, link.get("config_dir"),
        kerberos_principal=link.get("principal"), kerberos_keytab=link.get("keytab"),
    )  # fmt: skip


def _knock(host: str, port: int) -> None:
    """Say soon that nobody answers: the client itself tries for three minutes."""
    try:
        socket.create_connection((host.strip("[]"), port), timeout=5).close()
    except OSError as error:
        raise FerryError(
            "LF-1003",
            f"the namenode cannot be reached: {error}",
            f"at hdfs://{host}:{port}",
            "check the address and the network, then run the same command again",
        ) from error
