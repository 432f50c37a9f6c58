# Databricks notebook source
# MAGIC %md
# MAGIC # Sync the tables of a migration, files copied by this cluster
# MAGIC
# MAGIC The manifest is `lakeferry.yaml` of `folder`. The job that runs it: `databricks.yml`.

# COMMAND ----------

import os
import shlex
import shutil
import tempfile
from pathlib import Path

from lakeferry.cli.main import main

for name in ("folder", "words"):
    dbutils.widgets.text(name, "")
kept = Path(dbutils.widgets.get("folder"))
words = shlex.split(dbutils.widgets.get("words"))

# COMMAND ----------

# A ledger is written in place, which no Volume takes: it is on the driver's disk while a run lasts.
here = Path(tempfile.mkdtemp(prefix="lakeferry-"))
shutil.copy(kept / "lakeferry.yaml", here)
if (kept / "ledger.db").exists():
    (here / ".lakeferry").mkdir()
    shutil.copy(kept / "ledger.db", here / ".lakeferry")
os.chdir(here)


def lakeferry(*command: str) -> int:
    """Run a command as it is typed; its exit code."""
    try:
        return main(list(command))
    except SystemExit as ended:
        return int(ended.code or 0)


# COMMAND ----------

LOOK = 3  # all was done that could be; `lakeferry status` lists what asks for you
try:
    code = lakeferry("discover")
    if code in (0, LOOK):
        code = lakeferry("sync", "--yes", "--on", "spark", *words) or code
finally:
    if (here / ".lakeferry" / "ledger.db").exists():
        shutil.copy(here / ".lakeferry" / "ledger.db", kept)

# COMMAND ----------

if code:
    raise RuntimeError(f"lakeferry ended with {code}: what it printed says why")
