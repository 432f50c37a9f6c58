"""Where ingests stand: the files that a table's `txn`s name, carried before the commit has them.

They are read when the version is pinned: an ingest keeps the last ones only, and a copy takes long.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lakeferry.clone.surroundings import Surroundings
from lakeferry.delta.checkpoint_write import TableState
from lakeferry.delta.txn_files import (
    KEPT,
    drop_file,
    file_of,
    file_versions,
    named_files,
    read_files,
)
from lakeferry.events import Warned
from lakeferry.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Positions:
    """Of all ingests of one version of a table."""

    names: tuple[str, ...]  # of ingests
    files: Mapping[str, bytes]  # path -> body


def hold_positions(around: Surroundings, state: TableState) -> Positions:
    """Read the files that the state's `txn`s name; one that is gone is told of.

    Args:
        state: what the target will be: its `txn`s are those that are carried.
    """
    wanted = dict(named_files(state.txns, state.domains))
    files = read_files(around.places.source, wanted.values())
    for name, path in wanted.items():
        if path not in files:
            around.emit(
                Warned(
                    around.places.target.url,
                    None,
                    f"where the ingest `{name}` stood at this version is gone: {path}",
                    "clone the newest version to ingest on from the clone; from this one an ingest "
                    "of that name is refused",
                )
            )
    return Positions(tuple(wanted), files)


def put_positions(target: Store, positions: Positions) -> None:
    """Put them before the commit that names them; of each ingest the last ones stay."""
    for path, body in positions.files.items():
        target.write(path, [body], size=len(body))
    for name in positions.names:
        for version in sorted(file_versions(target, name))[:-KEPT]:
            if file_of(name, version) not in positions.files:
                drop_file(target, name, version)
