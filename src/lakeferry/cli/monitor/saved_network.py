"""The file in which `monitor discover --save` keeps a network."""

from pathlib import Path

from lakeferry.errors import FerryError
from lakeferry.network.saved_topology import read_topology
from lakeferry.network.topology import Topology


def saved_topology(path: str) -> Topology:
    """The network of a file. Raises LF-6253."""
    try:
        return read_topology(Path(path).read_bytes(), path)
    except OSError as error:
        raise FerryError(
            "LF-6253", f"the saved topology cannot be read: {error.strerror}", path,
            "save one with: lakeferry monitor discover --save FILE",
        ) from error  # fmt: skip
