"""Unity Catalog's published client as a reader of what we registered.

A process of its own, because it wants older libraries than the tests have.
"""

import asyncio
import json
import subprocess
import sys
from typing import Any

API = "/api/2.1/unity-catalog"


def table_as_the_client_reads_it(url: str, name: str) -> dict[str, Any]:
    """The `TableInfo` of a table by its full name."""
    from tests.servers import require

    client = require("unity-models").parent
    ended = subprocess.run(
        [sys.executable, "-P", "-S", __file__, str(client), url, name],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise RuntimeError(ended.stderr[-3000:])
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


async def main(client: str, url: str, name: str) -> None:
    sys.path.insert(0, client)
    from unitycatalog.client import (  # type: ignore[import-not-found]
        ApiClient,
        Configuration,
        TablesApi,
    )

    async with ApiClient(Configuration(host=f"{url}{API}")) as api:
        found = await TablesApi(api).get_table(name)
    print(found.to_json())  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
