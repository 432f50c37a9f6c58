# Databricks notebook source
# MAGIC %md
# MAGIC # lakeferry on a real workspace
# MAGIC
# MAGIC Checks each point that README lists as never seen on Databricks, and prints a receipt: one
# MAGIC JSON line a point with what was expected, what was seen, and whether they agree. A point
# MAGIC that cannot be looked at has `ok: null` and the reason.
# MAGIC
# MAGIC **Needs**: a Git folder with this repository; a cluster with Databricks Runtime 16.4 or
# MAGIC newer and Unity Catalog (dedicated access mode); a scratch schema in which you may create
# MAGIC tables; an external location in which you may create, read and write; a secret scope whose
# MAGIC keys are the names of environment variables with credentials for that location
# MAGIC (`AWS_ACCESS_KEY_ID` and so on), or an empty scope name if the cluster itself can reach it.
# MAGIC
# MAGIC **Does**: makes some twenty small tables and a few MB of files under one new folder, and
# MAGIC drops them at the end. It touches nothing else.
# MAGIC
# MAGIC **Not run yet**: there was no workspace to run it on. `accept/points.py` holds what is
# MAGIC expected and the verdicts, which are tested; the calls to the workspace are not.

# COMMAND ----------

# MAGIC %run ./workspace

# COMMAND ----------

from functools import cache

# COMMAND ----------

# MAGIC %md ## A table with everything: identity, constraint, clustering, row ids, vectors, txn

# COMMAND ----------

SOURCE = named("source")
sql(f"""
  CREATE TABLE {SOURCE} (
    id BIGINT GENERATED ALWAYS AS IDENTITY, region STRING, amount DECIMAL(10, 2))
  USING DELTA CLUSTER BY (region) LOCATION '{place("source")}'
  TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.enableRowTracking' = 'true',
                 'delta.columnMapping.mode' = 'name')""")
sql(f"ALTER TABLE {SOURCE} ADD CONSTRAINT not_negative CHECK (amount >= 0)")
AMOUNTS = "CAST(id AS DECIMAL(10, 2)) AS amount"
for region in ("north", "south", "west"):
    sql(f"INSERT INTO {SOURCE} (region, amount) SELECT '{region}', {AMOUNTS} FROM range(100)")
sql(f"DELETE FROM {SOURCE} WHERE amount = 7")
extra = spark.range(5).selectExpr("'txn' AS region", AMOUNTS)
transaction = extra.write.format("delta").mode("append")
transaction.option("txnAppId", "accept").option("txnVersion", 7).saveAsTable(SOURCE)


def change_source() -> None:
    """New rows, a new deletion vector, and the next transaction."""
    sql(f"INSERT INTO {SOURCE} (region, amount) SELECT 'east', {AMOUNTS} FROM range(50)")
    sql(f"DELETE FROM {SOURCE} WHERE region = 'north' AND amount < 5")
    again = extra.write.format("delta").mode("append")
    again.option("txnAppId", "accept").option("txnVersion", 8).saveAsTable(SOURCE)


# COMMAND ----------

# MAGIC %md ## What Databricks' own DEEP CLONE writes

# COMMAND ----------

DEEP = named("deep")
sql(f"CREATE TABLE {DEEP} DEEP CLONE {SOURCE} LOCATION '{place('deep')}'")
check("first-clone-commit", lambda: points.first_clone(log(place("deep")), log(place("source"))))


def same_in_clone(judge: Callable[[points.Log], Any]) -> tuple[Any, bool]:
    return points.equal(judge(log(place("source"))), judge(log(place("deep"))))


check("clone-txn", lambda: same_in_clone(points.transactions))
check("clone-row-ids", lambda: same_in_clone(points.row_ids))
check("clone-domains", lambda: same_in_clone(points.domains))

# COMMAND ----------

BEFORE = set(points.logical_files(log(place("source"))))
change_source()
AFTER = set(points.logical_files(log(place("source"))))
sql(f"CREATE OR REPLACE TABLE {DEEP} DEEP CLONE {SOURCE} LOCATION '{place('deep')}'")
check(
    "incremental-clone-commit",
    lambda: points.incremental_clone(log(place("deep")), AFTER - BEFORE, BEFORE - AFTER),
)
check("incremental-clone-data-change", lambda: points.incremental_data_change(log(place("deep"))))

# COMMAND ----------


def with_history() -> tuple[Any, bool]:
    # A managed table: the clause is documented together with "LOCATION is not supported".
    target = named("history")
    sql(f"CREATE TABLE {target} DEEP CLONE {SOURCE} WITH HISTORY")
    versions = [[row.version for row in sql(f"DESCRIBE HISTORY {one}")] for one in (SOURCE, target)]
    seen = {
        "source versions": versions[0],
        "clone versions": versions[1],
        "id kept": identity(SOURCE) == identity(target),
    }
    return seen, versions[0] == versions[1] and seen["id kept"]


check("with-history", with_history)

# COMMAND ----------

# MAGIC %md ### COPY INTO and its state

# COMMAND ----------

LANDING, LANDING_MOVED = f"{BASE}/landing", f"{BASE}/landing-moved"
STATE = "_delta_log/_copy_into_log"
LOADED = named("loaded")
for folder in (LANDING, LANDING_MOVED):
    spark.range(10).coalesce(1).write.mode("overwrite").parquet(f"{folder}/a")
dbutils.fs.rm(LANDING_MOVED, recurse=True)
dbutils.fs.cp(LANDING, LANDING_MOVED, recurse=True)


def copy_into(table: str, folder: str) -> int:
    """Rows that COPY INTO loads from `folder`."""
    sql(f"COPY INTO {table} FROM '{folder}/a' FILEFORMAT = PARQUET PATTERN = '*.parquet'")
    return count(table)


sql(f"CREATE TABLE {LOADED} (id BIGINT) USING DELTA LOCATION '{place('loaded')}'")
copy_into(LOADED, LANDING)


def copy_into_state() -> tuple[Any, bool]:
    clone = named("loaded_deep")
    sql(f"CREATE TABLE {clone} DEEP CLONE {LOADED} LOCATION '{place('loaded_deep')}'")
    source = objects("digests", place("loaded"), STATE)
    seen, same = points.equal(source, objects("digests", place("loaded_deep"), STATE))
    texts = (LANDING, f"{LANDING}/a", ".parquet")
    names = objects("find", place("loaded"), STATE, *texts)
    return {"digests": seen, "texts in plain bytes": names}, same and bool(source)


check("copy-into-state", copy_into_state)


def copy_into_continues() -> tuple[Any, bool]:
    clone = ferry("loaded", "loaded_ferry")
    before = count(clone)
    after = copy_into(clone, LANDING)
    return {"rows before": before, "rows after": after}, before == after == 10


check("copy-into-continues", copy_into_continues)


def copy_into_keys() -> tuple[Any, bool]:
    # On a clone of Databricks' own, so that only the meaning of the state is asked about.
    clone = named("loaded_keys")
    sql(f"CREATE TABLE {clone} DEEP CLONE {LOADED} LOCATION '{place('loaded_keys')}'")
    same_folder = copy_into(clone, LANDING)
    other_folder = copy_into(clone, LANDING_MOVED)
    seen = {"rows after the same folder": same_folder, "after the other folder": other_folder}
    return seen, (same_folder, other_folder) == (10, 20)


check("copy-into-keys", copy_into_keys)

# COMMAND ----------

# MAGIC %md ## What Databricks makes of lakeferry's clones

# COMMAND ----------


def put_if_absent() -> tuple[Any, bool]:
    code, said = lakeferry_ended("doctor", place("source"), f"{BASE}/probe")
    return {"exit code": code, "said": said}, code == 0


check("put-if-absent", put_if_absent)


def snapshot_is_equal() -> tuple[Any, bool]:
    clone = ferry("source", "snapshot")
    seen = {
        "rows": rows_differ(spark.table(SOURCE), spark.table(clone)),
        "columns equal": columns(SOURCE) == columns(clone),
        "properties that differ": points.differences(properties(SOURCE), properties(clone)),
    }
    good = seen["rows"] == EQUAL_ROWS and seen["columns equal"]
    return seen, good and not seen["properties that differ"]


check("snapshot-is-equal", snapshot_is_equal)


def snapshot_row_ids() -> tuple[Any, bool]:
    def ids_of(table: str) -> dict[int, int]:
        rows = spark.table(table).selectExpr("id", "_metadata.row_id AS row_id").collect()
        return {row.id: row.row_id for row in rows}

    wanted, seen = ids_of(SOURCE), ids_of(register("snapshot"))
    return {"rows": len(wanted), "differ": len(wanted.items() ^ seen.items())}, wanted == seen


check("snapshot-row-ids", snapshot_row_ids)


def snapshot_second_run() -> tuple[Any, bool]:
    change_source()
    clone = ferry("source", "snapshot")
    difference, second = rows_differ(spark.table(SOURCE), spark.table(clone)), head(clone)
    ferry("source", "snapshot")
    seen = {"rows": difference, "version": second, "after the third run": head(clone)}
    return seen, difference == EQUAL_ROWS and second == head(clone)


check("snapshot-second-run", snapshot_second_run)


def snapshot_is_writable() -> tuple[Any, bool]:
    clone = ferry("source", "writable")
    highest = max(ids(clone))
    try:
        sql(f"INSERT INTO {clone} (region, amount) VALUES ('bad', -1)")
        refused = False
    except Exception as refusal:  # noqa: BLE001 - Spark Connect and classic raise other classes
        refused = "not_negative" in str(refusal).lower()
    sql(f"INSERT INTO {clone} (region, amount) VALUES ('new', 1)")
    new = sql(f"SELECT id FROM {clone} WHERE region = 'new'")[0].id
    sql(f"DELETE FROM {clone} WHERE amount = 9")
    sql(f"""MERGE INTO {clone} t USING (SELECT 'south' AS region, 11 AS amount) s
            ON t.region = s.region AND t.amount = s.amount
            WHEN MATCHED THEN UPDATE SET amount = 1000""")
    sql(f"OPTIMIZE {clone}")
    seen = {
        "constraint refuses": refused,
        "highest id before": highest,
        "new id": new,
        "rows deleted": sql(f"SELECT count(*) AS n FROM {clone} WHERE amount = 9")[0].n == 0,
        "rows merged": sql(f"SELECT count(*) AS n FROM {clone} WHERE amount = 1000")[0].n,
    }
    good = refused and new > highest and seen["rows deleted"] and seen["rows merged"] > 0
    return seen, good


check("snapshot-is-writable", snapshot_is_writable)


def mirror_is_equal() -> tuple[Any, bool]:
    clone = ferry("source", "mirror", "--mode", "mirror")
    versions = range(head(SOURCE) + 1)
    differing = [
        version
        for version in versions
        if rows_differ(at(SOURCE, version), at(clone, version)) != EQUAL_ROWS
    ]
    seen = {
        "id kept": identity(SOURCE) == identity(clone),
        "head": [head(SOURCE), head(clone)],
        "versions that differ": differing,
    }
    return seen, seen["id kept"] and head(SOURCE) == head(clone) and not differing


check("mirror-is-equal", mirror_is_equal)

# COMMAND ----------

# MAGIC %md ### Streams

# COMMAND ----------

FEED, OUT = named("feed"), named("out")
sql(f"""CREATE TABLE {FEED} (id BIGINT) USING DELTA LOCATION '{place("feed")}'
        TBLPROPERTIES ('delta.checkpointInterval' = '3')""")
sql(f"CREATE TABLE {OUT} (id BIGINT) USING DELTA LOCATION '{place('out')}'")


def feed(first: int) -> None:
    """Append the ten ids from `first` on."""
    sql(f"INSERT INTO {FEED} SELECT id + {first} FROM range(10)")


def sink_continues() -> tuple[Any, bool]:
    feed(0)
    run_stream(FEED, OUT, checkpoint("sink"))
    feed(10)
    run_stream(FEED, OUT, checkpoint("sink"))
    clone = ferry("out", "out_ferry")
    moved = copy_checkpoint("sink", to="sink-moved")
    # As after a crash between the table's commit and the checkpoint's: the last batch runs again.
    dbutils.fs.rm(numbered(f"{moved}/commits")[-1])
    feed(20)
    run_stream(FEED, clone, moved)
    return points.equal(list(range(30)), ids(clone))


check("sink-continues", sink_continues)

# COMMAND ----------


@cache
def drained_reader() -> tuple[list[int], int]:
    """A reader that has drained FEED, both kinds of clone of FEED, and then new rows in all three.

    Answers the new rows' ids and the first version of the snapshot clone that holds them.
    """
    drained = ids(FEED)
    read = named("read")
    sql(f"CREATE TABLE {read} (id BIGINT) USING DELTA LOCATION '{place('read')}'")
    run_stream(FEED, read, checkpoint("reader"))
    ferry("feed", "feed_mirror", "--mode", "mirror")
    first_unread = head(ferry("feed", "feed_snapshot")) + 1
    feed(100)
    feed(200)
    ferry("feed", "feed_mirror", "--mode", "mirror")
    ferry("feed", "feed_snapshot")
    return sorted(set(ids(FEED)) - set(drained)), first_unread


def read_on(source: str, name: str, where: str, **options: str) -> tuple[Any, bool]:
    """What a stream gets from `source`, into a fresh table."""
    target = named(f"read_{name}")
    sql(f"CREATE TABLE {target} (id BIGINT) USING DELTA LOCATION '{place(f'read_{name}')}'")
    run_stream(source, target, where, **options)
    return points.equal(drained_reader()[0], ids(target))


def reader_on_mirror() -> tuple[Any, bool]:
    drained_reader()
    moved = copy_checkpoint("reader", to="reader-on-mirror")
    return read_on(register("feed_mirror"), "mirror", moved)


check("reader-continues-on-mirror", reader_on_mirror)


def reader_on_snapshot() -> tuple[Any, bool]:
    _, first_unread = drained_reader()
    fresh = checkpoint("on-snapshot")
    clone = register("feed_snapshot")
    return read_on(clone, "snapshot", fresh, startingVersion=str(first_unread))


check("reader-starts-on-snapshot", reader_on_snapshot)


def edited_offsets() -> tuple[Any, bool]:
    _, first_unread = drained_reader()
    moved = copy_checkpoint("reader", to="reader-edited")
    clone = register("feed_snapshot")
    # Spark parses the offset before the last one too, so both must name the new table.
    for path in numbered(f"{moved}/offsets")[-2:]:
        text = dbutils.fs.head(path, 1_000_000)
        edited = points.edited_offset(text, table_id=identity(clone), version=first_unread)
        dbutils.fs.put(path, edited, overwrite=True)
    return read_on(clone, "edited", moved)


check("edited-offsets", edited_offsets)

# COMMAND ----------


def rebased_log_start() -> tuple[Any, bool]:
    start = objects("rebase", place("feed"), place("rebased"))
    table = register("rebased")
    wanted = sorted(row.id for row in sql(f"SELECT id FROM {FEED} VERSION AS OF {start}"))
    found = ids(table)
    sql(f"INSERT INTO {table} VALUES (999)")
    versions = sorted(row.version for row in sql(f"DESCRIBE HISTORY {table}"))
    seen = {"log starts at": start, "rows equal": wanted == found, "versions": versions}
    return seen, wanted == found and versions == [start, start + 1]


check("rebased-log-start", rebased_log_start)

# COMMAND ----------

# MAGIC %md ## The receipt

# COMMAND ----------

if dbutils.widgets.get("keep") == "no":
    for made in MADE:
        sql(f"DROP TABLE IF EXISTS {made}")
    dbutils.fs.rm(BASE, recurse=True)

where = {
    "run": RUN,
    "lakeferry": lakeferry("--version").strip(),
    "runtime": os.environ.get("DATABRICKS_RUNTIME_VERSION"),
    "location": LOCATION.partition("://")[0],
}
receipt = "\n".join(points.receipt(RECEIPT, where))
print(receipt)
dbutils.notebook.exit(receipt)
