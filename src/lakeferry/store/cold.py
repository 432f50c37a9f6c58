"""A file that is not read as others are: it has a price of its own, or must be restored first."""

from typing import NamedTuple


class ColdFile(NamedTuple):
    """One object."""

    path: str
    size: int  # bytes
    tier: str  # 'GLACIER', 'DEEP_ARCHIVE', 'ARCHIVE_ACCESS', 'Archive', 'STANDARD_IA', ...
    waits: bool = True  # it gives no bytes before it is restored
    is_under_way: bool = False  # it is being restored
