"""Where a new ingest begins: at the oldest record, at a time, or now, which is a time, too. Pure.

Source: Databricks, "Connect to Amazon Kinesis", option `initialPosition`: its words are known.
"""

import re
from datetime import UTC, datetime

import orjson

from lakeferry.errors import FerryError
from lakeferry.ingest.position.state import FromTime, FromTrimHorizon

_OLDEST = ("trim-horizon", "trim_horizon", "earliest")
_FORMS = "latest, trim-horizon, or at:2026-11-26T12:00:00Z"
# Patterns of Java that say ISO 8601 with a zone, as `way_back` prints one.
_ISO = re.compile(r"yyyy-MM-dd(?:'T'| )HH:mm:ss(?:\.S{1,6})?(?:X{1,3}|Z|'Z')")
_OF_OTHERS = re.compile(r"(?:kcl|checkpoint|shards)\b.*", re.DOTALL)


def parse_start(text: str, now_ms: int) -> FromTrimHorizon | FromTime:
    """The place that a text names.

    Args:
        text: `latest`; `trim-horizon`, also `trim_horizon` and `earliest`; `at:` and a time of ISO
            8601 with its zone; or Databricks' `{"at_timestamp": "<such a time>"}`.
        now_ms: by the service's clock, since the epoch. "latest" is this moment: the latest record
            would be another one after a crash, a moment is the same.

    Raises:
        FerryError: LF-7012 for anything else, also for a time to come or without a zone.
    """
    word = text.strip()
    if is_latest(word):
        return FromTime(now_ms, now_ms)
    if word.lower() in _OLDEST:
        return FromTrimHorizon(now_ms)
    told = _told_time(word)
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        raise _refused(text, "it is none of these") from None
    if moment.tzinfo is None:
        raise _refused(text, "the time has no zone; put Z behind it for UTC")
    at_ms = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    if at_ms > now_ms:
        raise _refused(text, "the time is still to come")
    return FromTime(at_ms, at_ms)


def is_latest(text: str) -> bool:
    """Whether a start is the moment at which an ingest is new."""
    return text.strip().lower() == "latest"


def start_anew(text: str, now_ms: int) -> FromTrimHorizon | FromTime:
    """The place that a start names in a stream that took the name of the one that was read.

    "latest" was a moment before that stream was made, so all that it holds came since.

    Args:
        text, now_ms: as `parse_start` has them. Raises as it does.
    """
    return FromTrimHorizon(now_ms) if is_latest(text) else parse_start(text, now_ms)


def _told_time(word: str) -> str:
    """The time in either form; '' if it is neither."""
    if word.startswith("at:"):
        return word.removeprefix("at:")
    try:
        body = orjson.loads(word)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    if _ISO.fullmatch(str(body.get("format") or "")) is None and "format" in body:
        raise _refused(word, "its `format` is not known here; write the time as ISO 8601")
    return str(body.get("at_timestamp") or "")


def _refused(text: str, why: str) -> FerryError:
    step = f"start from {_FORMS}"
    if _OF_OTHERS.fullmatch(text.strip()):
        step = (
            "where another consumer stands is told by --adopt kcl:TABLE, checkpoint:DIR or "
            f"shards:FILE; else {step}"
        )
    return FerryError("LF-7012", f"`{text}` is no place to start at", why, step)
