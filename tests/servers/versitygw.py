"""S3: versitygw over a folder."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Server, free_port, listens, require, started

ACCESS_KEY = "test"
SECRET_KEY = "testsecret"


@contextmanager
def running(
    folder: Path, *, bucket: str = "lake", readonly: bool = False, users: Path | None = None
) -> Iterator[Server]:
    """One server with one bucket, both below `folder`; more buckets are more folders there.

    `readonly`: it refuses whoever writes, as AWS refuses an identity without that right.
    `users`: where it keeps others than its own.
    """
    program = require("versitygw")
    buckets = folder / "buckets"
    (buckets / bucket).mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [str(program), "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--keep-alive",
               "--quiet", "--port", f"127.0.0.1:{port}", "--region", "us-east-1",
               *["--readonly"] * readonly, *(["--iam-dir", str(users)] if users else []),
               "posix", str(buckets)]  # fmt: skip
    options = {
        "endpoint": f"http://127.0.0.1:{port}",
        "region": "us-east-1",
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET_KEY,
    }
    with started(command, folder / "versitygw.log", ready=lambda: listens(port)):
        yield Server(f"s3://{bucket}", options, options["endpoint"], port)


@contextmanager
def judging(folder: Path, *, user: str, secret: str) -> Iterator[Server]:
    """One with a user who may do only what the policies of its buckets let them.

    Its buckets have to be made by requests: of a folder it knows no owner, whose objects then only
    its own user can copy.
    """
    (folder / "users").mkdir()
    with running(folder, users=folder / "users") as server:
        subprocess.run(
            [require("versitygw"), "admin", "--access", ACCESS_KEY, "--secret", SECRET_KEY,
             "--endpoint-url", server.endpoint, "create-user", "--access", user,
             "--secret", secret, "--role", "user"],
            check=True, capture_output=True,
        )  # fmt: skip
        yield server
