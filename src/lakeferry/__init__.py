"""lakeferry moves Delta lakes between clouds, table by table, exactly as they are."""

from lakeferry.clone.run import clone, verify
from lakeferry.errors import FerryError
from lakeferry.version import VERSION as __version__

__all__ = ["FerryError", "__version__", "clone", "verify"]
