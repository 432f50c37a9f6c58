"""Made events of an API: some 590 bytes of JSON, 18 fields, among them a struct and a list."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import orjson

from lakeferry.demo.kinesis_feed_load import SCHEMA

__all__ = ["SCHEMA", "events"]

_SINCE = datetime(2026, 11, 24, tzinfo=UTC)
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0"
_WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


def events(count: int, seed: int = 7) -> list[bytes]:
    """So many events, the same for the same seed; ids and most numbers are all different."""
    draw = random.Random(seed)
    return [orjson.dumps(_event(draw, place)) for place in range(count)]


def _event(draw: random.Random, place: int) -> dict[str, object]:
    moment = _SINCE + timedelta(microseconds=place * 86 + draw.randrange(86))
    return {
        "event_id": str(uuid.UUID(int=draw.getrandbits(128))),
        "ts": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "subscriber_id": draw.randrange(17_000_000),
        "endpoint": f"ep-{draw.randrange(17_000_000):08}",
        "method": draw.choice(("GET", "PUT", "POST")),
        "path": f"/v1/devices/{draw.getrandbits(48):012x}/readings",
        "status": draw.choice((200, 200, 200, 201, 304, 404, 500)),
        "bytes_in": draw.randrange(10_000),
        "bytes_out": draw.randrange(1_000_000),
        "duration_ms": round(draw.random() * 900, 3),
        "client_ip": f"198.51.{draw.randrange(256)}.{draw.randrange(256)}",
        "user_agent": _AGENT,
        "country": draw.choice(("DE", "US", "BR", "JP")),
        "cached": draw.random() < 0.3,
        "trace_id": f"{draw.getrandbits(128):032x}",
        "retries": draw.randrange(3),
        "geo": {
            "lat": round(draw.uniform(-90, 90), 6),
            "lon": round(draw.uniform(-180, 180), 6),
            "asn": draw.randrange(65_536),
        },
        "tags": draw.sample(_WORDS, 3),
    }
