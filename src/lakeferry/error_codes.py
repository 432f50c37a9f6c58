"""The codes of errors about access, requests, tables, sources and targets: LF-1 to LF-5."""

from lakeferry.error_kinds import ErrorKind

CODES: dict[str, ErrorKind] = {
    "LF-1001": ErrorKind(
        2,
        "the store refused the credentials",
        "The service answered 401 or 403 to the identity itself. Credentials come from each "
        "SDK's own environment or from --source-option/--target-option; nothing was written.",
    ),
    "LF-1002": ErrorKind(
        2,
        "the identity may not do this here",
        "The identity is known but lacks the right to read the source or to write the target. "
        "`lakeferry doctor SOURCE TARGET` tries each right and names the one that is missing.",
    ),
    "LF-1003": ErrorKind(
        1,
        "the store cannot be reached",
        "Every try failed: name resolution, connection or time-out. What had arrived is kept; "
        "run the same command again when the store answers.",
    ),
    "LF-1004": ErrorKind(
        1,
        "the store answered what it must not",
        "A body shorter than announced, another size than listed, or a fault that outlived all "
        "retries. Nothing of it was kept.",
    ),
    "LF-1201": ErrorKind(
        2,
        "AWS has no identity to work with",
        "No credentials were found, the profile does not exist, or the token has expired. They "
        "come from the environment, from profiles, or from the role of the machine.",
    ),
    "LF-1202": ErrorKind(
        2,
        "a role cannot be taken",
        "STS refused AssumeRole: the identity may not ask for it, the role's trust policy does not "
        "name the identity, or it asks for another external id.",
    ),
    "LF-1203": ErrorKind(
        2,
        "a permission of AWS is missing",
        "The message names the action, the resource and a statement that grants it. What was made "
        "before is kept; the same command goes on from there.",
    ),
    "LF-1204": ErrorKind(
        1,
        "AWS throttles",
        "Requests were refused as too many until all retries were used up. The limits are per "
        "account and Region, so others' requests count too. What was made before is kept.",
    ),
    "LF-1205": ErrorKind(
        1,
        "AWS cannot be reached",
        "Every try failed: name resolution, connection, TLS or time-out.",
    ),
    "LF-1206": ErrorKind(
        1,
        "AWS refused a request",
        "The service's own code and words are in the message. Nothing of that request was done.",
    ),
    "LF-1301": ErrorKind(
        2,
        "Databricks has no identity to work with",
        "No credentials were found for the Databricks account or workspace, or they are refused "
        "there. Endpoints are registered by an admin of the account; tags are read and put by an "
        "admin of the workspace.",
    ),
    "LF-1302": ErrorKind(
        1,
        "Databricks refused a request",
        "The service's own code and words are in the message. An endpoint that a workspace uses "
        "cannot be forgotten, for one.",
    ),
    "LF-1303": ErrorKind(
        1,
        "Databricks does not answer",
        "The host of the Databricks account or workspace could not be reached, or gave no answer "
        "in time. Nothing is known of what is there.",
    ),
    "LF-2001": ErrorKind(
        2,
        "the command line or the manifest is wrong",
        "See `lakeferry COMMAND --help`, and docs/reference/manifest.md for the manifest's keys.",
    ),
    "LF-2002": ErrorKind(
        2,
        "the manifest cannot be read",
        "It is missing, not UTF-8, no YAML, JSON or TOML, too large or too deep, or something in "
        "it stands twice. Nothing was looked at beyond it.",
    ),
    "LF-2003": ErrorKind(
        2,
        "a needed confirmation was not given",
        "The command would change something. It asks only where stdin and stderr are terminals; "
        "elsewhere --yes, or a plan that was reviewed, says that it is meant. Nothing was changed.",
    ),
    "LF-2004": ErrorKind(
        2,
        "the answer cannot be written to this file",
        "The folder does not exist, or may not be written to. Nothing but reading was done.",
    ),
    "LF-2011": ErrorKind(
        2,
        "a unit can be read in two ways",
        "`b` may be bit or byte, `K` 1000 or 1024: a factor of eight is not guessed.",
    ),
    "LF-2031": ErrorKind(
        2,
        "a secret is written out",
        "A manifest is shared and kept, so a secret may stand in it only as a reference, which is "
        "resolved when a connection needs it.",
    ),
    "LF-2041": ErrorKind(
        2,
        "a table would land elsewhere",
        "The root of the target or a layout was changed, or another profile is meant. What was "
        "copied to the old place would be left behind half-way, and a table that has not begun is "
        "known for that place until it is discovered again, so nothing was changed.",
    ),
    "LF-2051": ErrorKind(
        2,
        "the plan is stale",
        "What is there, or what is wanted, has changed since the plan was made, so applying it "
        "would do something that nobody has read. Nothing was changed; plan again.",
    ),
    "LF-2052": ErrorKind(
        2,
        "this is no plan",
        "A plan is the file that `lakeferry plan -o FILE` or `lakeferry monitor plan -o FILE` "
        "wrote, unchanged; of the latter the first 8 characters of its fingerprint do, too.",
    ),
    "LF-2101": ErrorKind(2, "no such place", "The bucket, container or folder does not exist."),
    "LF-2102": ErrorKind(
        2,
        "this place holds no Delta table",
        "There is no `_delta_log` with a commit or a checkpoint below the path.",
    ),
    "LF-2103": ErrorKind(
        2,
        "two tables overlap",
        "A table cannot be cloned onto itself, nor into a folder inside itself or around itself, "
        "nor can a migration land inside one of its sources, where its copies would be found. "
        "Bad records of an ingest lie in a folder of their own: a VACUUM of the outer table "
        "removes what it does not know.",
    ),
    "LF-2104": ErrorKind(
        2,
        "this is no address of a store",
        "Known: a local path, file:, s3://, s3a://, abfss://, abfs://, az://, gs://, hdfs://.",
    ),
    "LF-2105": ErrorKind(
        2,
        "the table has no such version",
        "Either it was never committed or log cleanup has removed what would rebuild it; or the "
        "time asked for is after the newest commit.",
    ),
    "LF-2106": ErrorKind(
        3,
        "an hour that some night does not have",
        "When clocks go forward an hour is left out, and a window of the manifest would begin or "
        "end in it. That night the first minute after the gap is taken.",
    ),
    "LF-2107": ErrorKind(
        2,
        "no table is meant",
        "A selection or a pattern fits none of the tables that are known. What is known is what "
        "the last discovery found.",
    ),
    "LF-2108": ErrorKind(
        3,
        "a key that this version does not act upon",
        "The manifest may hold it, and nothing is done about it. `config check` tells of it, so "
        "that nobody takes for done what is not.",
    ),
    "LF-3001": ErrorKind(
        2,
        "unknown reader feature",
        "The protocol says that only readers that know the feature may interpret the table; "
        "a copy by others could silently be another table. Nothing was written.",
    ),
    "LF-3002": ErrorKind(
        2,
        "a table feature that a clone cannot keep",
        "The table relies on something outside its own log (a catalog, a manifest tree, a new "
        "home) or on a writer feature that lakeferry does not know. See "
        "docs/reference/features.md.",
    ),
    "LF-3003": ErrorKind(
        2,
        "a mirror cannot be made of this table",
        "A mirror keeps the source's commits byte for byte, so whatever needs another byte "
        "in the log (absolute paths, a catalog's commits) forbids it. A snapshot clone can.",
    ),
    "LF-3101": ErrorKind(1, "the log is empty", "`_delta_log` exists but holds no commit."),
    "LF-3102": ErrorKind(
        1,
        "a commit is missing from the log",
        "Commits must follow each other without a gap from a checkpoint or from version 0; "
        "what lies behind the gap cannot be known.",
    ),
    "LF-3103": ErrorKind(
        1, "a commit cannot be parsed", "A line of the commit is no JSON object of one action."
    ),
    "LF-3104": ErrorKind(
        1,
        "a checkpoint cannot be read",
        "No complete, readable checkpoint covers the log, and older commits are gone.",
    ),
    "LF-3105": ErrorKind(
        1,
        "the log states no table",
        "No protocol or no metadata action is visible, or an action lacks a required field.",
    ),
    "LF-3106": ErrorKind(
        1,
        "a path in the log is unsafe",
        "The path climbs out of the table root (`..`) or has an empty segment.",
    ),
    "LF-3107": ErrorKind(
        1,
        "the target cannot hold this name",
        "Stores differ in the names they can keep; the file would be lost or renamed.",
    ),
    "LF-4101": ErrorKind(
        1,
        "a data file is missing",
        "The log says that the file is live, but the store does not have it. The source table "
        "is damaged; readers of the source fail on the same file.",
    ),
    "LF-4102": ErrorKind(
        1,
        "files were vacuumed while they were copied",
        "The pinned version lost files and newer versions kept losing theirs too. What arrived "
        "stays usable for the next run.",
    ),
    "LF-4103": ErrorKind(
        1,
        "a file has another size than the log says",
        "The file was cut or written over outside Delta, or is no whole Parquet file. It was not "
        "copied.",
    ),
    "LF-4104": ErrorKind(
        1,
        "the source went back in time",
        "The source has the same table id but a lower version than what was cloned: its log was "
        "rewritten or its storage restored. --replace makes the target equal to it again.",
    ),
    "LF-4105": ErrorKind(
        3,
        "the schema changed more than the manifest accepts",
        "The target stays at the last version whose schema is accepted, and is consistent. What is "
        "accepted stands under `schema_changes`: none, additive (nullable columns, comments) or "
        "any.",
    ),
    "LF-4106": ErrorKind(
        2,
        "the source is another table now",
        "The table under this path was dropped and re-created: its id differs from the one that "
        "was cloned. --replace makes the target a clone of the new one; a mirror of it begins in "
        "an empty place.",
    ),
    "LF-4107": ErrorKind(
        1,
        "a source would not stand still",
        "The state of COPY INTO under `_delta_log`, or the files of a table without a log, kept "
        "changing while they were read, so no moment was found that can be copied. Pause COPY INTO "
        "or the job that writes, and run again.",
    ),
    "LF-4108": ErrorKind(
        2,
        "COPY INTO state is known for the newest version only",
        "An older version was asked for, but the state of COPY INTO belongs to the newest one: "
        "carried along it would make COPY INTO skip files whose rows the clone does not have.",
    ),
    "LF-4109": ErrorKind(
        1,
        "the rows of a file cannot be read",
        "The file is no whole Parquet file, its deletion vector is damaged, or it holds a column "
        "in a type that the table's schema does not allow. Comparing files instead "
        "(--strength hashed) does not need its rows.",
    ),
    "LF-4110": ErrorKind(
        2,
        "a Parquet file cannot be part of a Delta table",
        "Its columns do not fit those of the other files, or one of them is of a type that Delta "
        "does not have. The message names file and column. The target holds what it held.",
    ),
    "LF-4111": ErrorKind(
        2,
        "the partitions of a Parquet table do not fit together",
        "Its folders name different columns, or a value is not of the type that its catalog "
        "declares. The target holds what it held.",
    ),
    "LF-4112": ErrorKind(
        2,
        "files lie in an archive",
        "S3's archive classes and Azure's archive tier give no bytes before a file is restored, "
        "which takes hours and has a price. The table waits; all others go on.",
    ),
    "LF-5001": ErrorKind(
        1,
        "another writer took the version",
        "The commit lost its race and the target has changed since the plan was made. Run the "
        "same command again; files that landed are not copied twice.",
    ),
    "LF-5002": ErrorKind(
        2,
        "the target holds another table, or other files",
        "What lies there was not cloned from this source, or in another mode. --replace makes it a "
        "clone; its old files stay until they are vacuumed. A mirror begins in an empty place. An "
        "ingest makes a table only where nothing lies: a VACUUM of it would remove what it does "
        "not know.",
    ),
    "LF-5003": ErrorKind(
        3,
        "someone else has written to the target",
        "Commits that change data or metadata were made on the clone itself. --replace makes it "
        "equal to the source again, undoing them; a mirror undoes nothing, and begins anew where "
        "its table was deleted.",
    ),
    "LF-5004": ErrorKind(
        2,
        "this store cannot create a file only if it is absent",
        "Without put-if-absent two writers can both believe that they wrote a version. "
        "--single-writer accepts the risk.",
    ),
    "LF-5005": ErrorKind(
        1,
        "streams downstream of the target would break",
        "The source rearranged files that were born since the last clone and the commits or "
        "files that would tell them apart are gone; on an append-only table this is refused.",
    ),
    "LF-5008": ErrorKind(
        1,
        "another file has this name at the target",
        "A file of the same name and another content lies where a file of the clone must go. It "
        "is not written over, for a version of the target may still need it.",
    ),
    "LF-5009": ErrorKind(
        3,
        "the target is gone",
        "The ledger knows of a version that this table's target held, and nothing of the table is "
        "there any more: its files or its log were deleted. The next sync brings all of it again.",
    ),
    "LF-5010": ErrorKind(
        2,
        "the commit lock cannot be used as it is",
        "The table of DynamoDB that is to say who was first does not exist, or it says of a commit "
        "that it was made and the log does not have it. Nothing was committed.",
    ),
    "LF-5101": ErrorKind(
        1,
        "the target is full",
        "The disk or quota has no room. Nothing half-written is visible; free space and run again.",
    ),
}
