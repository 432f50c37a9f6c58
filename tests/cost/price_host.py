"""The public hosts of AWS's and Azure's prices, played on this machine with real HTTP.

Paths, shapes and paging are those of the providers; faults are asked for by address.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.http_server import served

AZURE = "/api/retail/prices"
PAGE = 2  # rows; the real one has 1,000


@dataclass
class PriceHost:
    """What is served, and what was asked for."""

    lists: dict[tuple[str, str], bytes] = field(default_factory=dict)  # (offer, region)
    rows: list[dict[str, Any]] = field(default_factory=list)  # of Azure
    cut_after: dict[str, int] = field(default_factory=dict)  # end of a path -> bytes, once
    refuses: dict[str, list[int]] = field(default_factory=dict)  # end of a path -> answers first
    has_tags: bool = True  # whether a broken answer can be taken up again
    currency: str = "USD"
    url: str = ""
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)

    def body(self, path: str, query: str) -> bytes | None:
        parts = path.strip("/").split("/")
        if path == "/offers/v1.0/aws/index.json":
            return self._offers()
        if path == AZURE:
            return self._azure(query)
        match parts:
            case ["offers", "v1.0", "aws", offer, "current", "region_index.json"]:
                return self._regions(offer)
            case ["offers", "v1.0", "aws", offer, "20260817221058", region, "index.json"]:
                return self.lists.get((offer, region))
        return None

    def _offers(self) -> bytes:
        base = "/offers/v1.0/aws"
        found = {
            offer: {
                "offerCode": offer,
                "currentVersionUrl": f"{base}/{offer}/current/index.json",
                "currentRegionIndexUrl": f"{base}/{offer}/current/region_index.json",
            }
            for offer, _ in self.lists
        }
        return json.dumps({"formatVersion": "v1.0", "offers": found}).encode()

    def _regions(self, offer: str) -> bytes:
        found = {
            region: {
                "regionCode": region,
                "currentVersionUrl": f"/offers/v1.0/aws/{offer}/20260817221058/{region}/index.json",
            }
            for one, region in self.lists
            if one == offer
        }
        return json.dumps({"formatVersion": "v1.0", "regions": found}).encode()

    def _azure(self, query: str) -> bytes:
        asked = parse_qs(query)
        wanted = asked["$filter"][0].partition("armRegionName eq '")[2].partition("'")[0]
        rows = [one for one in self.rows if one["armRegionName"] == wanted]
        skip = int(asked.get("$skip", ["0"])[0])
        rest = len(rows) > skip + PAGE
        link = f"{self.url}{AZURE}?{query.partition('&$skip=')[0]}&$skip={skip + PAGE}"
        page = {
            "BillingCurrency": self.currency,
            "CustomerEntityId": "Default",
            "CustomerEntityType": "Retail",
            "Items": rows[skip : skip + PAGE],
            "NextPageLink": link if rest else None,
            "Count": len(rows[skip : skip + PAGE]),
        }
        return json.dumps(page).encode()


@contextmanager
def price_host() -> Iterator[PriceHost]:
    """The host, for as long as the block lasts."""
    found = PriceHost()
    tries: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            found.asked.append(self.path)
            for end, answers in found.refuses.items():
                if split.path.endswith(end) and tries[end] < len(answers):
                    tries[end] += 1
                    self.send_error(answers[tries[end] - 1])
                    return
            body = found.body(split.path, split.query)
            if body is None:
                self.send_error(404)
                return
            self._send(split.path, body)

        def _send(self, path: str, body: bytes) -> None:
            asked = self.headers.get("Range", "")
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            found.ranges += [asked] if asked else []
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            if found.has_tags:
                self.send_header("ETag", '"20260817"')
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            cut = next((end for end in found.cut_after if path.endswith(end)), None)
            if cut is not None:
                self.wfile.write(body[start : start + found.cut_after.pop(cut)])
                self.close_connection = True
            else:
                self.wfile.write(body[start:])

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing is said."""

    with served(Handler) as port:
        found.url = f"http://127.0.0.1:{port}"
        yield found
