"""A Hive metastore: the thrift service of Hive 3.1.3 alone, its database in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers import JAVA, Server, free_port, listens, require, s3a, started
from tests.servers.kerberos import REALM, Realm

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
def running(
    folder: Path,
    realm: Realm | None = None,
    *,
    protection: str = "authentication",
    s3: Server | None = None,
) -> Iterator[Server]:
    """`place` is its address; its own tables would lie in the folder.

    Args:
        s3: where tables that it is told of may lie, as well as on this disk.
        realm: of Kerberos, which it asks for then, as `hive/localhost`.
        protection: 'authentication'; 'integrity', 'privacy': all that is said is signed, encrypted.
    """
    jars = require("hive-metastore").parent
    port = free_port()
    warehouse = folder / "warehouse"
    warehouse.mkdir()
    settings = {
        **SETTINGS,
        "javax.jdo.option.ConnectionURL": f"jdbc:derby:memory:m{port};create=true",
        "metastore.warehouse.dir": f"file://{warehouse}",
    }
    site: dict[str, str] = {}
    places = [f"{jars}/*"]
    if realm is not None:
        site |= {"hadoop.security.authentication": "kerberos", "hadoop.rpc.protection": protection}
        settings |= _secured(realm)
    if s3 is not None:
        site |= s3a.settings(s3)
        places = [*s3a.beside_hadoop(), *places]
    _write_site(folder, site)
    options = [word for key, value in settings.items() for word in ("--hiveconf", f"{key}={value}")]
    command = [*JAVA, "--add-opens=java.base/java.net=ALL-UNNAMED",
               "--add-opens=java.base/java.lang=ALL-UNNAMED",
               f"-Dderby.stream.error.file={folder}/derby.log",
               *([] if realm is None else [f"-Djava.security.krb5.conf={realm.config}"]),
               "-cp", ":".join([str(folder), *places]),
               "org.apache.hadoop.hive.metastore.HiveMetaStore",
               "-p", str(port), *options]  # fmt: skip
    log = folder / "hive-metastore.log"
    with started(command, log, ready=lambda: listens(port), timeout_s=240):
        host = "127.0.0.1" if realm is None else "localhost"
        yield Server(f"thrift://{host}:{port}", port=port)


def _secured(realm: Realm) -> dict[str, str]:
    return {
        "metastore.sasl.enabled": "true",
        "metastore.kerberos.principal": f"hive/localhost@{REALM}",
        "metastore.kerberos.keytab.file": str(realm.keytab("hive/localhost")),
    }


def _write_site(folder: Path, site: Mapping[str, str]) -> None:
    properties = (
        f"<property><name>{key}</name><value>{value}</value></property>"
        for key, value in site.items()
    )
    (folder / "core-site.xml").write_text(f"<configuration>{''.join(properties)}</configuration>")
