#!/usr/bin/python3
"""What a NAT instance finds on Amazon Linux and on EC2, for a machine made of namespaces.

One program by several names, as links on the machine's PATH: `dnf`, `systemctl`, `aws`, `sysctl`;
and three servers: `metadata` (IMDSv2 alone), `whoami` (tells each connection how it was seen) and
`prober` (asks `whoami` all the time). Only the standard library: it runs outside of the project.
"""

import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SYSTEM = Path("/run/stubs")  # gone after a reboot
STAYS = Path("/etc/stubs")
TOKEN = "only-who-asked-by-put-has-this"
SAVE_SYN, SAVED_SYN = 27, 28  # of TCP, Linux


def note(what: str) -> None:
    with (STAYS / "called").open("a") as sink:
        sink.write(what + "\n")


def dnf(*words: str) -> int:
    """The first time there is no network yet; then the packages are there."""
    note(f"dnf {shlex.join(words)}")
    if not (STAYS / "dnf-failed").exists():
        (STAYS / "dnf-failed").touch()
        sys.stderr.write("Error: Failed to download metadata for repo 'amazonlinux'\n")
        return 1
    for package, program in {"awscli-2": "aws"}.items():
        if package in words:
            (Path(sys.argv[0]).parent / program).symlink_to(Path(__file__).resolve())
    return 0


def systemctl(verb: str, *units: str) -> int:
    """Units of the shape that the script writes: ExecStartPre, ExecStart, Restart=always."""
    note(f"systemctl {shlex.join([verb, *units])}")
    if verb == "enable":
        for unit in units:
            (STAYS / f"enabled-{unit}").touch()
    if verb == "boot":  # ours: what the machine does when it starts
        units = tuple(sorted(one.name[8:] for one in STAYS.glob("enabled-*")))
    if verb in ("restart", "stop", "boot"):
        for unit in units:
            stop(unit)
    return max((start(unit) for unit in units), default=0) if verb in ("restart", "boot") else 0


def stop(unit: str) -> None:
    kept = SYSTEM / f"pid-{unit}"
    if kept.exists():
        subprocess.run(["kill", "-9", "--", f"-{kept.read_text()}"], check=False)
        kept.unlink()


def start(unit: str) -> int:
    lines = Path(f"/etc/systemd/system/{unit}.service").read_text().splitlines()
    says = dict(line.split("=", 1) for line in lines if "=" in line)
    with (STAYS / "journal").open("a") as journal:
        before = subprocess.run(
            shlex.split(says["ExecStartPre"]), stdout=journal, stderr=journal, check=False
        )
        if before.returncode:
            return 1
        loop = f"while :; do {says['ExecStart']}; sleep {says['RestartSec']}; done"
        process = subprocess.Popen(["/bin/bash", "-c", loop], stdout=journal, stderr=journal,
                                   stdin=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    (SYSTEM / f"pid-{unit}").write_text(str(process.pid))
    return 0


def aws(*words: str) -> int:
    """EC2 is the test, behind a socket; a call takes as long as one of the real program."""
    time.sleep(0.5)
    with socket.socket(socket.AF_UNIX) as link:
        link.connect((STAYS / "ec2").read_text())
        link.sendall(json.dumps([(STAYS / "name").read_text(), *words]).encode() + b"\n")
        code, said = json.loads(link.makefile().readline())
    (sys.stderr if code else sys.stdout).write(said + "\n")
    return int(code)


def sysctl(*words: str) -> int:
    """The real one, but for two settings that no namespace but the first may change."""
    real = next(one for one in ("/usr/sbin/sysctl", "/sbin/sysctl") if Path(one).exists())
    if "--load=-" not in words:
        return subprocess.run([real, *words], check=False).returncode
    asked = sys.stdin.read().splitlines()
    (STAYS / "global-settings").write_text("\n".join(filter(is_global, asked)))
    own = "\n".join(line for line in asked if not is_global(line))
    return subprocess.run([real, *words], input=own, text=True, check=False).returncode


def is_global(line: str) -> bool:
    return line.startswith(("net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_buckets"))


def metadata(facts: str) -> int:
    """IMDSv2: no token, no answer."""
    values = json.loads(facts)

    class Answer(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            wanted = "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
            self.say(200 if wanted and self.path == "/latest/api/token" else 400, TOKEN)

        def do_GET(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
                return self.say(401, "")
            value = values.get(self.path.removeprefix("/latest/meta-data/"))
            return self.say(404 if value is None else 200, value or "")

        def say(self, code: int, text: str) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    ThreadingHTTPServer(("169.254.169.254", 80), Answer).serve_forever()
    return 0


def whoami(port: str) -> int:
    """Each connection gets one line: the address that it comes from, and its SYN in hex."""
    door = socket.create_server(("", int(port)), backlog=128)
    door.setsockopt(socket.IPPROTO_TCP, SAVE_SYN, 1)
    while True:
        link, (host, _) = door.accept()
        with link:
            syn = link.getsockopt(socket.IPPROTO_TCP, SAVED_SYN, 256)
            link.sendall(f"{host} {syn.hex()}\n".encode())


def prober(host: str, port: str) -> int:
    """Every 50 ms one line: the clock, and the address that the server saw, or `-`."""

    def ask() -> None:
        began = time.monotonic()
        try:
            with socket.create_connection((host, int(port)), 0.4) as link:
                link.settimeout(0.4)
                seen = link.makefile().readline().split()[0]
        except (OSError, IndexError):
            seen = "-"
        sys.stdout.write(f"{began:.3f} {seen}\n")
        sys.stdout.flush()

    while True:
        threading.Thread(target=ask, daemon=True).start()
        time.sleep(0.05)


if __name__ == "__main__":
    name, words = Path(sys.argv[0]).name, sys.argv[1:]
    if name == "nat_stubs.py":
        name, *words = words
    os.makedirs(SYSTEM, exist_ok=True) if name == "systemctl" else None
    sys.exit(globals()[name](*words))
