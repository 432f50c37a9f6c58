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
        "missing is told; nothing was moved.",
    ),
}
