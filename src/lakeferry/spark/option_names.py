"""The options of Databricks' Kinesis source, each with what becomes of it here. Data alone. Pure.

Source: Databricks, "Connect to Amazon Kinesis" and "Enhanced fan-out", tables of options.
"""

# Those that do here what they do there.
USED = (
    "streamName",
    "streamARN",
    "region",
    "endpoint",
    "initialPosition",
    "maxRecordsPerFetch",
    "maxFetchRate",
    "minFetchPeriod",
    "maxFetchDuration",
    "fetchBufferSize",
    "shardsPerTask",
    "shardFetchInterval",
    "roleArn",
    "roleExternalId",
    "roleSessionName",
    "stsEndpoint",
    "awsAccessKey",
    "awsSecretKey",
    "consumerMode",
)

# Those of our own.
OWN = (
    "metadataPath",
    "failOnDataLoss",
    "firstBatch",
    "aggregationOutOfRange",
)
# In front of options of the store where metadata lies, such as `metadata.endpoint`.
STORE_PREFIX = "metadata."

# Those that mean nothing here, and why; they are accepted, so that a job of Databricks runs as is.
_FAN_OUT = "it is of enhanced fan-out, and shards are polled here"
_COALESCE = "one task writes the rows of several shards; there are no blocks to join"
NOTED = {
    "maxShardsPerDescribe": "ListShards is asked for the 1,000 that it gives at most",
    "maxPartitions": "shardsPerTask says how many tasks there are",
    "coalesceThresholdBlockSize": _COALESCE,
    "coalesceBinSize": _COALESCE,
    "serviceCredential": "keys come from AWS's own chain: environment, profile, role",
    "consumerName": _FAN_OUT,
    "consumerNamePrefix": _FAN_OUT,
    "consumerRefreshInterval": _FAN_OUT,
    "registeredConsumerId": _FAN_OUT,
    "registeredConsumerIdType": _FAN_OUT,
    "requireConsumerDeregistration": _FAN_OUT,
    "registerConsumerTimeoutInterval": _FAN_OUT,
    "deregisterConsumerTimeoutInterval": _FAN_OUT,
}
KNOWN = (*USED, *OWN, *NOTED)
