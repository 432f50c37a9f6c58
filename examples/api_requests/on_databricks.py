# Databricks notebook source
# MAGIC %md
# MAGIC # API requests from Kinesis into Delta, by Databricks' own source
# MAGIC
# MAGIC The same tables as `on_spark.py` makes. The job that runs it: `databricks.yml`.

# COMMAND ----------

from requests_table import TwoTables

NAMES = ("stream", "region", "endpoint", "service_credential", "table", "quarantine", "checkpoint")
for name in NAMES:
    dbutils.widgets.text(name, "")
given = {name: dbutils.widgets.get(name) for name in NAMES}

# COMMAND ----------

OPTIONS = {
    "streamName": given["stream"],
    "region": given["region"],
    "initialPosition": "latest",
    # 2 MB/s is all that a shard gives to those who poll it: with another consumer beside, less.
    "maxFetchRate": "2.0",
    "minFetchPeriod": "400ms",
    "maxFetchDuration": "10s",
    "fetchBufferSize": "20gb",
    # Cores of all workers >= 2 * shards / shardsPerTask: a job that prefetches runs beside.
    "shardsPerTask": "15",
    "shardFetchInterval": "10s",
}
if given["endpoint"]:  # of a VPC endpoint without private DNS
    OPTIONS["endpoint"] = given["endpoint"]
if given["service_credential"]:  # else the cluster's instance profile
    OPTIONS["serviceCredential"] = given["service_credential"]

# COMMAND ----------

QUERY = "api-requests"
raw = spark.readStream.format("kinesis").options(**OPTIONS).load()
writer = raw.writeStream.queryName(QUERY).option("checkpointLocation", given["checkpoint"])
writer = writer.trigger(processingTime="60 seconds")
writer.foreachBatch(TwoTables(given["table"], given["quarantine"])).start()
