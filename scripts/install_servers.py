"""Put the real servers and Spark that tests speak to into the cache folder, once.

    python scripts/install_servers.py                 all of them
    python scripts/install_servers.py --only azurite  one of them; may be repeated
    python scripts/install_servers.py --list          what there is, and what is installed

The folder is $LAKEFERRY_CACHE, else ~/.cache/lakeferry. What is there is not fetched again.
Every tool asks the registry that it is set up to ask on this machine.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("LAKEFERRY_CACHE") or Path.home() / ".cache" / "lakeferry")
GO_BIN = CACHE / "go" / "bin"
GO_SDK = CACHE / "go-sdk" / "go" / "bin"
HADOOP = CACHE / "hadoop-3.4.2"
DELTA = CACHE / "delta-4.0.1"
OLDEST_GO = (1, 24)
DEBIAN = {  # what brings the tool
    "npm": "npm",
    "node": "nodejs",
    "mvn": "maven",
    "java": "openjdk-17-jdk-headless",
    "javac": "openjdk-17-jdk-headless",
}
HADOOP_JARS = (
    "org.apache.hadoop:hadoop-client-minicluster:3.4.2",
    "org.apache.hadoop:hadoop-client-api:3.4.2",
    "org.apache.hadoop:hadoop-client-runtime:3.4.2",
    "org.slf4j:slf4j-simple:1.7.36",
    # WebHDFS needs these three on Java 11 and newer.
    "javax.xml.bind:jaxb-api:2.3.1",
    "org.glassfish.jaxb:jaxb-runtime:2.3.9",
    "javax.activation:javax.activation-api:1.2.0",
)
HIVE = CACHE / "hive-metastore-3.1.3"
HIVE_JARS = (
    "org.apache.hive:hive-standalone-metastore:3.1.3",
    "org.apache.hadoop:hadoop-client:3.3.6",
    "org.apache.derby:derby:10.14.2.0",
)
PROVIDERS = CACHE / "terraform-providers"
DELTA_JARS = ("io.delta:delta-spark_2.13:4.0.1", "io.delta:delta-storage:4.0.1")
# Of the Hadoop that Spark 4.0.1 has. It asks for AWS's whole SDK in one jar of 600 MB; what it
# needs of that is 18 MB, in modules that are newer than it knows.
S3A = CACHE / "s3a-3.4.1"
S3A_ALONE = ("org.apache.hadoop:hadoop-aws:3.4.1",)
S3A_JARS = (
    "software.amazon.awssdk:s3-transfer-manager:2.57.8",
    "software.amazon.awssdk:apache-client:2.57.8",
)


@dataclass(frozen=True, slots=True)
class Server:
    """One thing that tests need and pip does not bring."""

    name: str
    version: str
    tools: tuple[str, ...]  # programs that installing or running it needs
    proof: Path  # there when it is installed
    install: Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=[server.name for server in SERVERS])
    parser.add_argument("--list", action="store_true")
    wanted = parser.parse_args()
    chosen = [server for server in SERVERS if not wanted.only or server.name in wanted.only]
    if wanted.list:
        for server in chosen:
            state = "installed" if is_there(server) else "missing"
            print(f"{server.name:16} {server.version:8} {state:10} {server.proof}")
        return
    with ThreadPoolExecutor() as pool:
        failed = list(chain.from_iterable(pool.map(not_installed, lanes(chosen))))
    if failed:
        sys.exit(f"install_servers: not installed: {', '.join(failed)}")


def lanes(servers: list[Server]) -> list[list[Server]]:
    """What one tool brings, one after another; the tools beside each other.

    npm and Maven each keep one folder that two of them would write at once, and Go takes all cores.
    """
    found: dict[str, list[Server]] = {}
    for server in servers:
        found.setdefault(server.tools[0], []).append(server)
    return list(found.values())


def not_installed(servers: list[Server]) -> list[str]:
    return [server.name for server in servers if not installed(server)]


def installed(server: Server) -> bool:
    """Install it unless it is there; False, with the reason printed, when that fails."""
    label = f"{server.name} {server.version}"
    if is_there(server):
        say(f"{label}: already there")
        return True
    if "go" in server.tools and not has_go():
        # Debian 12 has Go 1.19, which can neither build the servers nor fetch a newer Go.
        run(sys.executable, SCRIPTS / "bootstrap.py", "go")
        os.environ["PATH"] = f"{GO_SDK}{os.pathsep}{os.environ['PATH']}"
    for tool in server.tools:
        if not shutil.which(tool):
            say(f"{label}: `{tool}` is missing; on Debian: apt-get install {DEBIAN[tool]}")
            return False
    say(f"{label}: installing")
    try:
        server.install()
    except subprocess.CalledProcessError as error:
        say(f"{label}: `{' '.join(map(str, error.cmd))}` failed with {error.returncode}")
        return False
    if not server.proof.exists():
        say(f"{label}: installed, but {server.proof} is not there")
        return False
    stamp(server).write_text(server.version)
    say(f"{label}: done")
    return True


def say(line: str) -> None:
    """In one piece: others print, too."""
    print(f"{line}\n", end="", flush=True)


def has_go() -> bool:
    """Whether the machine has a Go that is new enough."""
    if not shutil.which("go"):
        return False
    said = subprocess.run(["go", "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_GO


def is_there(server: Server) -> bool:
    """Installed, and in the version of the table: a changed pin installs anew."""
    found = stamp(server)
    return server.proof.exists() and found.exists() and found.read_text() == server.version


def stamp(server: Server) -> Path:
    return server.proof.with_name(f"{server.proof.name}.version")


def run(*command: str | Path, **environment: str) -> None:
    subprocess.run(command, env={**os.environ, **environment}, check=True)


def go_install(module: str, built: str, name: str) -> None:
    """`built`: what go calls the program; `name`: what we call it."""
    GO_BIN.mkdir(parents=True, exist_ok=True)
    run("go", "install", module, GOBIN=str(GO_BIN))
    if built != name:
        (GO_BIN / built).rename(GO_BIN / name)


def npm_install(package: str) -> None:
    folder = CACHE / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    run("npm", "install", "--prefix", folder, "--no-audit", "--no-fund", package)


def fetch_types(package: str, target: Path) -> None:
    """The TypeScript declarations of an npm package alone: a provider's code is 30 times that."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".fetch-") as work:
        run("npm", "pack", package, "--silent", "--pack-destination", work)
        (tarball,) = Path(work).glob("*.tgz")
        folder = Path(work) / "package"
        with tarfile.open(tarball) as packed:
            wanted = [one for one in packed if one.name.endswith("/index.d.ts")]
            packed.extractall(work, members=wanted, filter="data")
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)


def fetch_jars(
    coordinates: tuple[str, ...], target: Path, *, transitive: bool, alone: tuple[str, ...] = ()
) -> None:
    """Maven copies them beside `target` first, so that a broken fetch leaves no half folder.

    Args:
        alone: further ones, whose own dependencies are not even looked at.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".fetch-") as work:
        pom = Path(work) / "pom.xml"
        pom.write_text(pom_text(coordinates, alone))
        jars = Path(work) / "jars"
        options = [] if transitive else ["-DexcludeTransitive=true"]
        run("mvn", "--quiet", "--batch-mode", "--file", pom, "dependency:copy-dependencies",
            f"-DoutputDirectory={jars}", *options)  # fmt: skip
        shutil.rmtree(target, ignore_errors=True)
        jars.rename(target)


def pom_text(coordinates: tuple[str, ...], alone: tuple[str, ...]) -> str:
    every = "<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
    none = f"<exclusions>{every}</exclusions>"
    dependencies = "\n".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId>"
        "<version>{}</version>{}</dependency>".format(*coordinate.split(":"), without)
        for listed, without in ((coordinates, ""), (alone, none))
        for coordinate in listed
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>lakeferry</groupId>"
        "<artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )


def install_hadoop() -> None:
    fetch_jars(HADOOP_JARS, HADOOP, transitive=True)
    run("javac", "-cp", f"{HADOOP}/*", "-d", HADOOP, SCRIPTS / "MiniHdfs.java")


SERVERS = (
    Server("versitygw", "1.8.0", ("go",), GO_BIN / "versitygw",
           partial(go_install, "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
                   "versitygw", "versitygw")),
    Server("fake-gcs", "1.56.1", ("go",), GO_BIN / "fake-gcs-server",
           partial(go_install, "github.com/fsouza/fake-gcs-server@v1.56.1",
                   "fake-gcs-server", "fake-gcs-server")),
    Server("toxiproxy", "2.5.0", ("go",), GO_BIN / "toxiproxy-server",
           partial(go_install, "github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0",
                   "server", "toxiproxy-server")),
    Server("azurite", "3.35.0", ("npm", "node"), CACHE / "npm/node_modules/.bin/azurite-blob",
           partial(npm_install, "azurite@3.35.0")),
    Server("kinesalite", "3.3.3", ("npm", "node"), CACHE / "npm/node_modules/kinesalite/cli.js",
           partial(npm_install, "kinesalite@3.3.3")),
    Server("kinesis-local", "0.6.2", ("npm", "node"),
           CACHE / "npm/node_modules/kinesis-local/main.js",
           partial(npm_install, "kinesis-local@0.6.2")),
    Server("provider-aws", "21.22.1", ("npm",), PROVIDERS / "aws/lib/index.d.ts",
           partial(fetch_types, "@cdktf/provider-aws@21.22.1", PROVIDERS / "aws")),
    Server("provider-archive", "11.0.1", ("npm",), PROVIDERS / "archive/lib/index.d.ts",
           partial(fetch_types, "@cdktf/provider-archive@11.0.1", PROVIDERS / "archive")),
    Server("hdfs", "3.4.2", ("mvn", "java", "javac"), HADOOP / "MiniHdfs.class", install_hadoop),
    Server("hive-metastore", "3.1.3", ("mvn", "java"),
           HIVE / "hive-standalone-metastore-3.1.3.jar",
           partial(fetch_jars, HIVE_JARS, HIVE, transitive=True)),
    Server("unity-models", "0.7.0", ("python3",), CACHE / "unitycatalog-client-0.7.0" / ".ready",
           partial(run, sys.executable, SCRIPTS / "bootstrap.py", "unity")),
    Server("delta-jars", "4.0.1", ("mvn", "java"), DELTA / "delta-storage-4.0.1.jar",
           partial(fetch_jars, DELTA_JARS, DELTA, transitive=False)),
    Server("s3a-jars", "3.4.1", ("mvn", "java"), S3A / "hadoop-aws-3.4.1.jar",
           partial(fetch_jars, S3A_JARS, S3A, transitive=True, alone=S3A_ALONE)),
    Server("spark", "4.0.1", ("java",), CACHE / "pyspark-4.0.1" / ".ready",
           partial(run, sys.executable, SCRIPTS / "bootstrap.py", "spark")),
)  # fmt: skip

if __name__ == "__main__":
    main()
