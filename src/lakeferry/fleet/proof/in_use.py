"""A target that is in use: its own receipts say that it was cut over, whatever a ledger knows.

A ledger that was made anew by a discovery, as after a loss or on another machine, knows nothing of
switches, nor does a copy from before one. The lake does: each target is asked before it is written.
"""

from lakeferry.errors import FerryError
from lakeferry.fleet.proof.receipt_files import kinds_at, place_of_receipts
from lakeferry.store.protocol import Store

SWITCHES = ("cutover", "rollback")


def refuse_in_use(store: Store, *, kind: str) -> None:
    """One listing of the target's receipts; `kind`: of the table.

    Raises:
        FerryError: LF-8087 the last switch of the table led here.
    """
    switches = [one for one in kinds_at(store, kind=kind) if one in SWITCHES]
    if switches[-1:] != ["cutover"]:
        return
    raise FerryError(
        "LF-8087", "its target is in use: it was cut over, and this ledger does not know it",
        f"{store.url}: a receipt in {place_of_receipts(kind)} says so",
        "where a cut-over was cut off, give it again; else this ledger is new, older than the "
        "switch, or not the migration's own: move it away, and read one back from the targets: "
        "lakeferry config rebuild-ledger",
    )  # fmt: skip
