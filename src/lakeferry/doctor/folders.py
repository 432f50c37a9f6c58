"""Empty folders: where a store has folders at all, a probe takes back those that it made."""

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lakeferry.connect import hdfs
from lakeferry.connect.connection import connection
from lakeferry.errors import FerryError
from lakeferry.store.open import Address


class Folders:
    """Folders below one place. Object stores have none: nothing is there, nothing is removed."""

    def __init__(self, at: Address, options: Mapping[str, str]) -> None:
        self._at = at
        self._options = options
        self._made: Any = None
        self.root_was_there = self._exists()

    def remove(self, path: str) -> None:
        """Remove a folder if it is empty. `path`: below the place, '' is the place itself."""
        full = os.path.join("/", self._at.path, path).rstrip("/")
        # Not empty, not ours to remove, or gone: whatever is left is listed afterwards.
        with suppress(OSError, RuntimeError, FerryError):
            if self._at.kind == "local":
                os.rmdir(full)
            elif self._at.kind == "hdfs":
                self._client().delete(full, False)

    def _exists(self) -> bool:
        if self._at.kind == "local":
            return os.path.isdir(self._at.path)
        if self._at.kind == "hdfs":
            try:
                self._client().get_file_info(f"/{self._at.path}")
            except FileNotFoundError:
                return False
            except (OSError, RuntimeError, FerryError):
                return True  # not known: then it is not removed
        return True

    def _client(self) -> Any:
        if self._made is None:
            self._made = hdfs.client(connection("hdfs", self._options), self._at.service)
        return self._made
