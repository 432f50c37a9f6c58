"""A Kerberos realm of one KDC on this machine: principals, their keytabs, tickets."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import free_port, listens, started

REALM = "LAKE.TEST"
SBIN = "/usr/sbin"  # of the KDC's programs, which is not on everybody's PATH


@dataclass(frozen=True, slots=True)
class Realm:
    folder: Path
    environment: Mapping[str, str]  # what clients need to find it

    @property
    def config(self) -> Path:
        return self.folder / "krb5.conf"

    def keytab(self, principal: str) -> Path:
        """A new principal's keys."""
        file = self.folder / f"{principal.replace('/', '-')}.keytab"
        for query in (f"addprinc -randkey {principal}", f"ktadd -k {file} {principal}"):
            self.run("kadmin.local", "-q", query)
        return file

    def ticket(self, principal: str) -> Path:
        """A cache with a ticket of a new principal."""
        cache = self.folder / f"{principal}.cache"
        self.run("kinit", "-c", str(cache), "-kt", str(self.keytab(principal)), principal)
        return cache

    def run(self, *command: str) -> None:
        environment = {**os.environ, **self.environment}
        environment["PATH"] = f"{environment['PATH']}:{SBIN}"
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        if ended.returncode:
            raise RuntimeError(f"{' '.join(command)}: {ended.stdout}{ended.stderr}")


def required() -> None:
    """Skips where there is no KDC, fails where all must run."""
    if shutil.which("krb5kdc", path=f"{os.environ['PATH']}:{SBIN}") and shutil.which("kinit"):
        return
    reason = "no KDC; on Debian: apt-get install krb5-kdc krb5-admin-server krb5-user"
    if os.environ.get("LAKEFERRY_TEST_REQUIRE") == "all":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def running(folder: Path) -> Iterator[Realm]:
    required()
    port = free_port()
    (folder / "krb5.conf").write_text(
        f"[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n rdns = false\n"
        " dns_canonicalize_hostname = false\n udp_preference_limit = 1\n"
        f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"  # Java asks for the lines
        f"[domain_realm]\n localhost = {REALM}\n"
    )
    (folder / "kdc.conf").write_text(
        f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n"
        f"[realms]\n {REALM} = {{\n  database_name = {folder}/principal\n"
        f"  key_stash_file = {folder}/stash\n  acl_file = {folder}/acl\n }}\n"
    )
    environment = {
        "KRB5_CONFIG": str(folder / "krb5.conf"),
        "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
    }
    realm = Realm(folder, environment)
    realm.run("kdb5_util", "create", "-s", "-r", REALM, "-P", "of-a-test")
    command = ["env", *(f"{key}={value}" for key, value in environment.items()),
               f"{SBIN}/krb5kdc", "-n", "-r", REALM]  # fmt: skip
    with started(command, folder / "kdc.log", ready=lambda: listens(port)):
        yield realm
