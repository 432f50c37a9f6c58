# Databricks notebook source
# MAGIC %md
# MAGIC # The words that `databricks_clone` is written in
# MAGIC
# MAGIC Included by `%run ./workspace`: the widgets, lakeferry beside the runtime's own libraries,
# MAGIC and short functions over `spark`, `dbutils` and the `lakeferry` command.

# COMMAND ----------

dbutils.widgets.text("catalog", "main", "Scratch catalog")
dbutils.widgets.text("schema", "default", "Scratch schema")
dbutils.widgets.text("location", "", "Folder in an external location, as a URL")
dbutils.widgets.text("secret_scope", "", "Secret scope with credentials (may be empty)")
dbutils.widgets.dropdown("keep", "no", ["no", "yes"], "Keep what was made")

# COMMAND ----------

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path.cwd().parent
sys.path.insert(0, str(REPOSITORY))

from accept import points
from accept.points import EXPECTED, Point

RUN = uuid.uuid4().hex[:8]
CATALOG, SCHEMA = dbutils.widgets.get("catalog"), dbutils.widgets.get("schema")
LOCATION = dbutils.widgets.get("location").rstrip("/")
SCOPE = dbutils.widgets.get("secret_scope")
if "://" not in LOCATION:
    raise ValueError("the widget `location` must hold a URL such as s3://bucket/folder")
BASE = f"{LOCATION}/lakeferry-accept-{RUN}"
MADE: list[str] = []  # tables to drop at the end
RECEIPT: list[Point] = []

# COMMAND ----------

# MAGIC %md ## lakeferry, beside the runtime's own libraries

# COMMAND ----------

LIBRARIES = tempfile.mkdtemp(prefix="lakeferry-")
subprocess.run(
    [sys.executable, "-m", "pip", "install", "--quiet", "--target", LIBRARIES, str(REPOSITORY)],
    check=True,
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{LIBRARIES}:{REPOSITORY}", "NO_COLOR": "1"}
if SCOPE:
    for secret in dbutils.secrets.list(SCOPE):
        ENVIRONMENT[secret.key] = dbutils.secrets.get(SCOPE, secret.key)


def lakeferry_ended(*arguments: str) -> tuple[int, str]:
    """Run the command as a user would: its exit code and the end of all that it printed."""
    program = "import sys; from lakeferry.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, *arguments]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    return ended.returncode, (ended.stdout + ended.stderr)[-4000:]


def lakeferry(*arguments: str) -> str:
    """The same where anything but success ends the look, with what was said."""
    code, said = lakeferry_ended(*arguments)
    if code != 0:
        raise RuntimeError(f"lakeferry {' '.join(arguments)}: exit {code}\n{said}")
    return said


def objects(*arguments: str) -> Any:
    """Look at objects with lakeferry's own credentials; see accept/objects.py."""
    command = [sys.executable, "-m", "accept.objects", *arguments]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"objects {' '.join(arguments)}: {ended.stderr[-2000:]}")
    return json.loads(ended.stdout)


def log(place: str) -> points.Log:
    """The commits of the table at `place`."""
    return {int(version): lines for version, lines in objects("log", place).items()}


# COMMAND ----------

# MAGIC %md ## Words used below


# COMMAND ----------


def check(name: str, look: Callable[[], tuple[Any, bool | None]]) -> None:
    """Look at one point. Whatever goes wrong is the receipt's, and the next point is looked at."""
    try:
        seen, ok = look()
    except Exception as problem:  # noqa: BLE001 - a refusal by the workspace is what we came to see
        seen, ok = f"{type(problem).__name__}: {str(problem)[:1500]}", None
    RECEIPT.append(Point(name, EXPECTED[name], seen, ok))
    print(RECEIPT[-1].line())


def place(name: str) -> str:
    return f"{BASE}/tables/{name}"


def named(name: str) -> str:
    """The full name of a table of this run; it will be dropped at the end."""
    full = f"`{CATALOG}`.`{SCHEMA}`.`lakeferry_accept_{RUN}_{name}`"
    if full not in MADE:
        MADE.append(full)
    return full


def sql(text: str) -> list[Any]:
    return spark.sql(text).collect()


def count(table: str) -> int:
    return spark.table(table).count()


def head(table: str) -> int:
    return max(row.version for row in sql(f"DESCRIBE HISTORY {table}"))


def identity(table: str) -> str:
    return sql(f"DESCRIBE DETAIL {table}")[0].id


def register(name: str) -> str:
    """Make what lies at `place(name)` a table of the schema."""
    full = named(name)
    sql(f"CREATE TABLE IF NOT EXISTS {full} USING DELTA LOCATION '{place(name)}'")
    sql(f"REFRESH TABLE {full}")
    return full


def ferry(source: str, target: str, *options: str) -> str:
    """Clone with lakeferry and register the target."""
    lakeferry("clone", place(source), place(target), *options)
    return register(target)


def at(table: str, version: int) -> Any:
    return spark.sql(f"SELECT * FROM {table} VERSION AS OF {version}")


def rows_differ(left: Any, right: Any) -> dict[str, int]:
    """How many rows of two data frames are on one side only."""
    return {
        "only left": left.exceptAll(right).count(),
        "only right": right.exceptAll(left).count(),
    }


EQUAL_ROWS = {"only left": 0, "only right": 0}
OF_THE_SOURCE_ONLY = (  # versions of the source's own log mean nothing in another log
    "delta.inCommitTimestampEnablementVersion",
    "delta.inCommitTimestampEnablementTimestamp",
)


def properties(table: str) -> dict[str, str]:
    found = {row.key: row.value for row in sql(f"SHOW TBLPROPERTIES {table}")}
    return {name: value for name, value in found.items() if name not in OF_THE_SOURCE_ONLY}


def columns(table: str) -> str:
    return spark.table(table).schema.json()


def run_stream(source: str, target: str, checkpoint: str, **options: str) -> None:
    """Read all that is new in `source`, append it to `target`, stop."""
    reader = spark.readStream.options(**options).table(source)
    writer = reader.writeStream.option("checkpointLocation", checkpoint)
    writer.trigger(availableNow=True).toTable(target).awaitTermination()


def checkpoint(name: str) -> str:
    return f"{BASE}/checkpoints/{name}"


def copy_checkpoint(name: str, to: str) -> str:
    dbutils.fs.cp(checkpoint(name), checkpoint(to), recurse=True)
    return checkpoint(to)


def numbered(folder: str) -> list[str]:
    """The files of a checkpoint's folder whose names are numbers, in the order of the numbers."""
    files = [file for file in dbutils.fs.ls(folder) if file.name.isdigit()]
    return [file.path for file in sorted(files, key=lambda file: int(file.name))]


def ids(table: str) -> list[int]:
    return sorted(row.id for row in spark.table(table).select("id").collect())
