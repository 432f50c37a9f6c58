"""Whether a table forgets where an ingest stands, if that pauses for long. Pure."""

from lakeferry.delta.checksum import TXN_RETENTION
from lakeferry.ingest.events import Warned
from lakeferry.ingest.table.target import Target


def warned_of_expiry(target: Target) -> Warned | None:
    """What is told of a table whose `txn`s expire; None where positions stay.

    Positions in a domain stay without their `txn`; of a file beside the log nobody knows without
    it whether it counts, so that an ingest that paused for longer is refused (LF-7043).
    """
    after = target.metadata.configuration.get(TXN_RETENTION)
    if after is None or target.keeps == "domain":
        return None
    return Warned(
        None,
        f"the table forgets where `{target.name}` stands after {after} without a commit of it: "
        f"{TXN_RETENTION}",
        f"unset that property, or never pause for so long: ALTER TABLE ... UNSET TBLPROPERTIES "
        f"('{TXN_RETENTION}')",
    )
