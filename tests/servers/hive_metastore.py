"""A Hive metastore: the thrift service of Hive 3.1.3 alone, its database in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import Server, free_port, listens, require, started

# The service alone lacks classes of Hive proper that its defaults name.
SETTINGS = {
    "datanucleus.schema.autoCreateAll": "true",
    "metastore.schema.verification": "false",
    "metastore.expression.proxy": (
        "org.apache.hadoop.hive.metastore.DefaultPartitionExpressionProxy"
    ),
    "metastore.task.threads.always": ("org.apache.hadoop.hive.metastore.events.EventCleanerTask"),
}


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """`place` is its address; its own tables would lie in the folder."""
    jars = require("hive-metastore").parent
    port = free_port()
    warehouse = folder / "warehouse"
    warehouse.mkdir()
    settings = {
        **SETTINGS,
        "javax.jdo.option.ConnectionURL": f"jdbc:derby:memory:m{port};create=true",
        "metastore.warehouse.dir": f"file://{warehouse}",
    }
    options = [word for key, value in settings.items() for word in ("--hiveconf", f"{key}={value}")]
    command = ["java", "-Xmx512m", "--add-opens=java.base/java.net=ALL-UNNAMED",
               "--add-opens=java.base/java.lang=ALL-UNNAMED",
               f"-Dderby.stream.error.file={folder}/derby.log",
               "-cp", f"{jars}/*", "org.apache.hadoop.hive.metastore.HiveMetaStore",
               "-p", str(port), *options]  # fmt: skip
    log = folder / "hive-metastore.log"
    with started(command, log, ready=lambda: listens(port), timeout_s=240):
        yield Server(f"thrift://127.0.0.1:{port}", port=port)
