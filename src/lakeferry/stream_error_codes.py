"""The codes of errors about streams: LF-7."""

from lakeferry.error_kinds import ErrorKind

CODES: dict[str, ErrorKind] = {
    "LF-7001": ErrorKind(
        2,
        "this cannot be the name of an ingest",
        "The name is written into the table's log and into paths beside it, so it holds letters, "
        "digits, `.`, `_` and `-` alone.",
    ),
    "LF-7002": ErrorKind(
        1,
        "the positions of an ingest cannot be read",
        "What the table says about where each shard stands is damaged or of a later version of "
        "lakeferry. Starting anew would bring rows twice, so it is never done by itself.",
    ),
    "LF-7003": ErrorKind(
        1,
        "what was read does not join what is committed",
        "A batch must begin exactly where its shard stands in the table, and its files must hold "
        "every record that its positions move by. It did not, so that its commit would have lost "
        "or doubled records; it was not made.",
    ),
    "LF-7011": ErrorKind(
        2,
        "a declared column cannot be read from such records",
        "Payloads of JSON are parsed by a declared schema of booleans, numbers, decimals, strings, "
        "dates, timestamps in microseconds, lists and structs. Maps and binary columns are not "
        "among them: JSON has no such values that all producers write alike. Lines of CSV have no "
        "lists and structs either; of Avro's types only times of day, unions of several types and "
        "records within themselves can be no columns.",
    ),
    "LF-7012": ErrorKind(
        2,
        "this is no place to start at",
        "A new ingest starts at the latest record, at the oldest that there is (trim horizon) "
        "or at a time, which is told with its zone and has passed. An ingest that has committed "
        "goes on from there, whatever it is told.",
    ),
    "LF-7021": ErrorKind(
        2,
        "bad records cannot be rescued into this table",
        "Of a rescued record a row has its text and nothing else, so every column of the payload "
        "must be one that may be null, and such a row must keep the table's constraints.",
    ),
    "LF-7022": ErrorKind(
        1,
        "a record cannot be read as declared",
        "The ingest was told to stop at the first bad record. Everything before it is committed "
        "or comes again; the message says where the record lies and what is wrong with it.",
    ),
    "LF-7023": ErrorKind(
        1,
        "records have a field that is not declared",
        "The ingest was told to stop at a field that the schema does not have. Everything before "
        "it is committed or comes again.",
    ),
    "LF-7024": ErrorKind(
        1,
        "too many records are bad",
        "A few bad records go to quarantine; when a large part of the last 100,000 does, the "
        "schema or the stream is most likely not the one that was meant, and the ingest stops "
        "before a whole day lies there.",
    ),
    "LF-7031": ErrorKind(
        1,
        "a value cannot name a partition",
        "Partition values are written into the table's log as text. Bytes that are no UTF-8, and "
        "dates beyond the year 9999, have no form there that readers agree on.",
    ),
    "LF-7032": ErrorKind(
        1,
        "a file that was to be joined with others is not there",
        "Small files of a table are joined beside an ingest. One of them was not found: another "
        "writer removed it and VACUUM took it, or the table has lost it. The others stay as they "
        "are, and what is committed is as before.",
    ),
    "LF-7041": ErrorKind(
        2,
        "the table does not fit what is ingested",
        "Every column of the rows must be in the table with its type, every other column of the "
        "table must be one that may be left out, and partition values must be known. Nothing was "
        "read from the stream.",
    ),
    "LF-7042": ErrorKind(
        2,
        "the table asks of its writers what an ingest does not do",
        "A table feature, a constraint or a rule of a column that rows would have to satisfy and "
        "that is not kept here: constraints and generated columns are as far as their SQL means "
        "the same in all settings of Spark. The message names it, and how to do without.",
    ),
    "LF-7043": ErrorKind(
        2,
        "the positions of an ingest are gone from its table",
        "The table has rows or positions of this ingest, but its `txn` is gone: it expired by "
        "delta.setTransactionRetentionDuration, or a writer removed it. To start anew would lose "
        "or double records, so it is never done by itself.",
    ),
    "LF-7044": ErrorKind(
        2,
        "positions cannot be kept there",
        "Positions lie in a domain of the table's log only where the table has the feature "
        "domainMetadata, and an ingest that has begun keeps them where they are.",
    ),
    "LF-7045": ErrorKind(
        1,
        "the table changed, and rows that were read do not fit it any more",
        "Another writer changed the schema, the partitioning, a constraint or the protocol while "
        "the ingest ran, and rows cannot be made for what the table is now; or it was replaced by "
        "another. Nothing that was read since is committed, and nothing is lost: the positions "
        "stand where they stood.",
    ),
    "LF-7046": ErrorKind(
        1,
        "a commit was made where the log has been cleaned",
        "The process slept for so long that log cleanup removed the versions it knew, so that its "
        "commit lies below the log's beginning, where no reader looks. Nothing is lost: the next "
        "start goes on from the positions that readers see.",
    ),
    "LF-7047": ErrorKind(
        1,
        "other writers of the table kept winning",
        "Each version that was tried was taken by another writer. Nothing is lost: the positions "
        "stand where they stood.",
    ),
    "LF-7048": ErrorKind(
        2,
        "a column has a type that no Delta table has",
        "Delta has signed whole numbers, two kinds of floating point numbers, decimals, strings, "
        "binaries, booleans, dates, timestamps, arrays, maps and structs.",
    ),
    "LF-7049": ErrorKind(
        2,
        "the table has no positions of an ingest",
        "Positions are verified of tables that `lakeferry ingest` fills, and of its tables of bad "
        "records. This one has none, or none under this name.",
    ),
    "LF-7051": ErrorKind(
        1,
        "the stream is another one than the ingest has read",
        "A stream that is deleted and made again has the old one's name, but its records and its "
        "shards are others, and positions of the old one mean nothing in it. Nothing was changed.",
    ),
    "LF-7052": ErrorKind(
        1,
        "records went out of retention before they were read",
        "A stream forgets records after its retention. Kinesis does not say so to a reader that "
        "comes too late, but gives the oldest record there is; so the loss is found by comparing "
        "times, and may be told for a shard that got no record in the time.",
    ),
    "LF-7053": ErrorKind(
        1,
        "another ingest of the same name writes to the table",
        "Of two that commit the next positions one wins, and the other throws its rows away and "
        "reads again: no row is lost or doubled. But it is work for nothing, so the one that "
        "keeps losing stops.",
    ),
    "LF-7054": ErrorKind(
        1,
        "worker processes cannot be started, or keep ending",
        "The system may have no room for another process or its open files. Workers are started "
        "again when one ends, from what is committed. When several crews in a row bring nothing to "
        "a commit, starting another one does not help.",
    ),
    "LF-7055": ErrorKind(
        1,
        "shards of the stream cannot be read",
        "Most often the KMS key that encrypts the records is out of use or not allowed. All other "
        "shards were read and committed.",
    ),
    "LF-7056": ErrorKind(
        1,
        "not all that was read is committed",
        "Whoever stops an ingest asks for a last commit of what was read. A worker ended before it "
        "brought its files, or the commit was not made; the message says why. Positions are "
        "committed with rows or not at all, so the next start reads it again.",
    ),
    "LF-7061": ErrorKind(
        2,
        "the declared schema cannot be read",
        "A schema is declared as the JSON of a Spark StructType or as DDL, `event_id STRING, ts "
        "TIMESTAMP`; names that differ by their case alone are one name to Delta. It has no column "
        "that an ingest writes itself, such as `_shardId` and `_arrival`.",
    ),
    "LF-7062": ErrorKind(
        2,
        "there is no such stream",
        "The Region's Kinesis knows no stream of this name in the account of who asks. A stream of "
        "another Region or account is named by its ARN or as kinesis://REGION/NAME.",
    ),
    "LF-7063": ErrorKind(
        2,
        "the manifest has no such stream",
        "With one word `lakeferry ingest` looks for a stream of this name in the part `streams` of "
        "the manifest; with two they are the stream and the table.",
    ),
    "LF-7064": ErrorKind(
        2,
        "this ingest never committed to this table",
        "Positions lie in the table under the name of an ingest. The table has none of this name, "
        "so there is nothing to hand over.",
    ),
    "LF-7065": ErrorKind(
        3,
        "bytes of the stream leave by a public address",
        "The name of Kinesis resolves to public addresses, so from a private subnet each byte goes "
        "through NAT and is charged there. With an interface endpoint and its private DNS the name "
        "resolves to addresses of the VPC. A warning: the ingest goes on.",
    ),
    "LF-7066": ErrorKind(
        2,
        "the stream gave no record to look at",
        "A schema is proposed from records that are there. None came within the time that a sample "
        "waits.",
    ),
    "LF-7067": ErrorKind(
        2,
        "an ingest cannot have so many workers",
        "Each worker is a process of its own that reads and parses on a core of its own, some "
        "60,000 records a second. One coordinator commits for 64 of them at most.",
    ),
    "LF-7071": ErrorKind(
        2,
        "an option of the Spark source is none, or has a value that is none",
        "Names are those of Databricks' Kinesis source and a few more, which the guide "
        "`ingest-with-spark` lists. An unknown name is refused, since a misspelt one would mean "
        "nothing in silence.",
    ),
    "LF-7072": ErrorKind(
        1,
        "what a batch of Spark read is not recorded",
        "What each batch reads and where it ended lies in the folder of `metadataPath`, which "
        "belongs to one checkpoint. Without it nobody knows which records the table has.",
    ),
    "LF-7073": ErrorKind(
        1,
        "a batch of Spark cannot be read again as it was read before",
        "After a crash Spark asks for a batch once more, and it must give the same records. Some "
        "of them left the stream in between, or cannot be read now. Nothing was committed of it.",
    ),
    "LF-7081": ErrorKind(
        2,
        "a column cannot be part of the key by which doubles are found",
        "Doubles are rows of equal keys within a window of time. A key is made of columns of the "
        "payload that have one value a row: text, numbers, dates, timestamps. Lists and structs "
        "are none.",
    ),
    "LF-7082": ErrorKind(
        2,
        "the positions of another consumer cannot be read",
        "An ingest can begin where an application of the Kinesis Client Library, a query of Spark "
        "or a file says. What was named there is not what was expected.",
    ),
    "LF-7083": ErrorKind(
        2,
        "the positions of another consumer are not those of this stream and table",
        "Every shard of the stream must be told of, or follow from one that is; a shard that was "
        "read to its end must be closed. Where a table is named that the consumer wrote, it must "
        "have all that the positions count as done.",
    ),
    "LF-7084": ErrorKind(
        1,
        "the record at which another consumer stands is gone",
        "Retention took it, or the stream was made anew. Kinesis would begin at the oldest record "
        "there is and say nothing, so what lies between would be lost unseen.",
    ),
    "LF-7085": ErrorKind(
        2,
        "another consumer has not read a record yet, and where it began is not kept",
        "The Kinesis Client Library writes LATEST and AT_TIMESTAMP as words: which moment that was "
        "is known to the application alone.",
    ),
    "LF-7086": ErrorKind(
        2,
        "the other consumer's position cannot be taken over as it is",
        "Either it still runs and moves on, or its source keeps positions in a form of its own, so "
        "that the ingest begins at a time before them and must leave out doubles by a key.",
    ),
}
