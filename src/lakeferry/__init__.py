"""lakeferry moves Delta lakes between clouds, table by table, exactly as they are."""

from lakeferry.clone.run import clone
from lakeferry.cost.run import cost
from lakeferry.errors import FerryError
from lakeferry.verify.run import verify
from lakeferry.version import VERSION as __version__

__all__ = ["FerryError", "__version__", "clone", "cost", "verify"]
