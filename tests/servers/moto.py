"""AWS's control plane: moto's server, one process, emptied before every test that asks for it.

Where moto is known to differ from AWS (every interface is of kind `interface`, regional NAT
gateways do not exist), tests use answers of AWS's shape instead. What an apply needs and moto
lacks is added by `moto_completed.py`.
"""

import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lakeferry.connect import aws
from lakeferry.connect.aws import AwsAccess
from tests.servers import Server, free_port, listens, started

ACCOUNT = "123456789012"  # of whoever brings no other key
REGION = "us-east-1"


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    program = Path(__file__).with_name("moto_completed.py")
    port = free_port()
    # -P: else `import moto` would find this module.
    command = [sys.executable, "-P", str(program), "-H", "127.0.0.1", "-p", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    with started(command, folder / "moto.log", ready=lambda: listens(port)):
        yield Server("", {"endpoint": endpoint}, endpoint, port)


def emptied(server: Server) -> AwsAccess:
    """Everything in the server is forgotten; how to reach it."""
    request = urllib.request.Request(f"{server.endpoint}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=30):
        return AwsAccess(REGION, endpoint=server.endpoint)


def forget_clients() -> None:
    """Clients are made anew, and look for credentials again."""
    for made in (aws.client, aws.account_of, aws.session_of):
        made.cache_clear()
