"""The codes of errors about a whole migration and its ledger: LF-8."""

from lakeferry.error_kinds import ErrorKind

CODES: dict[str, ErrorKind] = {
    "LF-8001": ErrorKind(
        2,
        "another coordinator leads this migration",
        "One process at a time moves the tables of a ledger, so that none is done twice. The "
        "message names the other one. When it has ended, by itself or killed, this command can "
        "begin at once; of one on another machine the lease must have run out first. Nothing was "
        "changed.",
    ),
    "LF-8002": ErrorKind(
        1,
        "another coordinator has taken over",
        "This process stood still for longer than its lease, and another one goes on with the "
        "migration. What this one was about to write down was refused. Files that it copied lie at "
        "the target and are found there.",
    ),
    "LF-8003": ErrorKind(
        1,
        "the ledger is damaged",
        "SQLite finds the file malformed. Nothing of a migration is lost with it: what was cloned "
        "is what the targets' own logs say, and a new ledger is read back from them. The history "
        "of runs is gone.",
    ),
    "LF-8004": ErrorKind(
        2,
        "this file is not a ledger of lakeferry",
        "It is no SQLite file, or the database of another program. It was not touched.",
    ),
    "LF-8005": ErrorKind(
        2,
        "a newer lakeferry has written this ledger",
        "Its tables may mean what this version does not know. It was not touched.",
    ),
    "LF-8006": ErrorKind(
        1,
        "the ledger cannot be read or written",
        "The disk is full, the file may not be written to, or another program holds it. What was "
        "written before is whole; the same command goes on from there.",
    ),
    "LF-8007": ErrorKind(
        2,
        "there is no ledger yet",
        "A ledger is made by the first command that finds or moves tables. If it was lost, it is "
        "read back from the targets.",
    ),
    "LF-8008": ErrorKind(
        2,
        "this Python has too old an SQLite",
        "A ledger needs SQLite 3.37 or newer, which Python brings with itself.",
    ),
    "LF-8009": ErrorKind(
        2,
        "there is a ledger already",
        "A ledger that knows tables also knows what no target does, the history of runs and how "
        "fast they were, so it is never written over. Nothing was changed.",
    ),
    "LF-8021": ErrorKind(
        1,
        "a table was stopped by a flaw of the program",
        "The error is none that lakeferry raises on purpose. The table stays at the version that "
        "it held, and all other tables went on.",
    ),
    "LF-8022": ErrorKind(
        2,
        "a limit of dollars cannot be kept without a price",
        "A run that may spend so much has to know what a byte costs on each of its routes. What is "
        "missing is told; nothing was moved. The alarm `cost-forecast` needs it, too: there it is "
        "a warning, and the sync goes on.",
    ),
    "LF-8051": ErrorKind(
        2,
        "the catalog of the table has commits that its log has not",
        "Of a catalog-managed table the catalog decides what a commit is, and it may keep the last "
        "ones for itself for a while. Read from its log alone the table would be an older one.",
    ),
    "LF-8052": ErrorKind(
        2,
        "the table is no Delta table",
        "Tables of Iceberg and Hudi, views, and files of other formats are listed, so that nobody "
        "forgets them, and not moved. The message says what moves them.",
    ),
    "LF-8053": ErrorKind(
        2,
        "the place of a registered table cannot be reached",
        "Its catalog names a place that is no address of a store: a mount of a workspace that the "
        "manifest does not know, or the workspace's own storage (the DBFS root).",
    ),
    "LF-8054": ErrorKind(
        2,
        "a table is registered, and no log lies there",
        "Its catalog calls it a Delta table; at its location there is no `_delta_log`. Its files "
        "were deleted, or it was never written.",
    ),
    "LF-8055": ErrorKind(
        3,
        "a table is not registered",
        "Its log lies below the root of its source, and the source's catalog does not know it: a "
        "table that was dropped without its files, say, or one that is read by its path alone.",
    ),
    "LF-8056": ErrorKind(
        2,
        "two tables would land in one place",
        "By the layout of the manifest both have the same place at the target, or one lies within "
        "the other. Letters are compared without their case, as catalogs do. The second of them is "
        "blocked; of two that have one name, one in the catalog and one by its path, neither moves "
        "before it is said which is meant.",
    ),
    "LF-8057": ErrorKind(
        3,
        "VACUUM may be faster than the copy",
        "The table keeps removed files for a shorter time than its copy takes by the bandwidth of "
        "the manifest (1 Gbit/s where it sets none), so a VACUUM may take files before they are "
        "read.",
    ),
    "LF-8058": ErrorKind(
        1,
        "a part of a source was not looked into",
        "Folders, or schemas of a catalog, refused, or folders lie deeper than --depth. What is in "
        "them is not known; nothing that was known there counts as gone.",
    ),
    "LF-8059": ErrorKind(
        3,
        "one table is found by two sources",
        "Roots of two sources reach the same table, so its files would be brought and stored "
        "twice, and after a cut-over its writers would find two targets. It is told and blocks "
        "nothing, for two copies may be meant.",
    ),
    "LF-8071": ErrorKind(
        2,
        "tables cannot be cut over yet",
        "Before a switch each table is synced and proven within 24 hours, none asks for a person, "
        "and the waves before are cut over. The first step lists what is in the way. Nothing was "
        "changed.",
    ),
    "LF-8072": ErrorKind(
        1,
        "a source is still written to",
        "A switch under a writer would lose what it writes next. The message names who made the "
        "last commits, as their `commitInfo` says. Nothing was switched.",
    ),
    "LF-8073": ErrorKind(
        1,
        "a target is not its source",
        "The last proof before a switch found a difference, in files or in what streams and COPY "
        "INTO remember. Nothing was switched.",
    ),
    "LF-8074": ErrorKind(
        2,
        "this folder is no checkpoint of a stream",
        "The checkpoint of a streaming query holds a file `metadata` with the query's id, and the "
        "folders `offsets` and `commits`.",
    ),
    "LF-8075": ErrorKind(
        1,
        "the checkpoint of a stream could not be carried",
        "A checkpoint that changes while it is copied belongs to a stream that runs. The copy is "
        "not used: a stream reads its own checkpoint until it is started with the copy.",
    ),
    "LF-8076": ErrorKind(
        2,
        "files of a landing zone would be loaded again",
        "COPY INTO and Auto Loader know each file that they have loaded by its address. A landing "
        "zone that is read elsewhere has new addresses, so all of it is loaded a second time. "
        "Nothing was switched.",
    ),
    "LF-8077": ErrorKind(
        2,
        "there is no switch to take back",
        "A rollback is of tables that are cut over, and of each a receipt says what was done. "
        "Nothing was changed.",
    ),
    "LF-8078": ErrorKind(
        3,
        "targets were written since the switch",
        "Whoever goes back to the source now loses these commits there, unless they are carried "
        "back. They are listed by table. Nothing was changed.",
    ),
    "LF-8079": ErrorKind(
        1,
        "both sides were written since the switch",
        "Commits of a target are carried back to a source that stands where the switch left it. "
        "This one has commits of its own, which carrying back would undo.",
    ),
    "LF-8081": ErrorKind(
        2,
        "a version cannot be restored",
        "The version is not in the log any more, or some of its files were vacuumed. Nothing was "
        "changed.",
    ),
    "LF-8082": ErrorKind(
        2,
        "not all of a target is ours to delete",
        "Only files that a clone brought there, and says so beside the log, are deleted; where "
        "others wrote to a table, or it is in use, nothing is; nor where the source is gone, so "
        "that this is the only copy, or another one than the copy's own. Of a folder the files of "
        "others stay.",
    ),
    "LF-8083": ErrorKind(
        2,
        "a rehearsal lies there that is not ours",
        "Only shallow clones that a rehearsal made are replaced or removed.",
    ),
    "LF-8084": ErrorKind(
        2,
        "a source without a log cannot take what was written",
        "The source is a folder of files, so only new files can be carried to it. Files that were "
        "removed or rewritten, or that its readers would not find, cannot. Nothing was changed.",
    ),
    "LF-8085": ErrorKind(
        1,
        "a stream cannot go on at the source where it stands",
        "A stream goes on behind the way back where its checkpoint fits the table: a writer's "
        "batches are in it, and a reader has the table's id and versions, or has read to the end. "
        "Nothing was changed.",
    ),
    "LF-8086": ErrorKind(
        3,
        "a source was written to after its table was cut over",
        "Readers use the target, which no sync changes any more, so nobody sees what is written at "
        "the source. Whoever writes there was not pointed at the target.",
    ),
    "LF-8087": ErrorKind(
        2,
        "a target is in use, and the ledger does not know it",
        "Beside the target lies the receipt of a cut-over, and the ledger knows nothing of it: it "
        "was made anew, is a copy from before, or is another one; or the cut-over was cut off, and "
        "ends when it is given again. Nothing is brought to a table that others use by now. A "
        "ledger that is read back from the targets knows all switches.",
    ),
    "LF-8091": ErrorKind(
        2,
        "Spark cannot be used",
        "There is no Spark here, it cannot be reached, or none of its machines took a task. "
        "Nothing was moved.",
    ),
    "LF-8092": ErrorKind(
        2,
        "Spark's machines have another Python",
        "Tasks are sent as Python objects, so the machines need the minor version of Python that "
        "the coordinator has. Nothing was moved.",
    ),
    "LF-8093": ErrorKind(
        2,
        "Spark's machines have no lakeferry, or another",
        "What copies a file is not sent but installed on each machine, in the version that the "
        "coordinator has. Nothing was moved.",
    ),
    "LF-8094": ErrorKind(
        2,
        "a secret would be sent to other machines",
        "Options with secrets reach Spark's machines as references, which they resolve by "
        "themselves; plans and logs of Spark show what is sent. The table was not moved.",
    ),
    "LF-8095": ErrorKind(
        1,
        "a task keeps failing on Spark",
        "The file was tried alone after the tasks that held it had failed, and failed again. Files "
        "that landed are kept.",
    ),
}
