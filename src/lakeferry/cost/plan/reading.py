"""What stands at a key of a plan -> its value, or what is wrong with it, and where. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from lakeferry.config.check import nearest
from lakeferry.config.problems import Problem
from lakeferry.config.quantities import Unreadable, size_bytes
from lakeferry.config.tree import Value
from lakeferry.cost.path.migration import Cloud
from lakeferry.cost.path.money import exact
from lakeferry.cost.plan.keys import KEYS, Key

Amount = TypeVar("Amount", int, Decimal)
Place = tuple[Cloud, str]
Devices = tuple[str, int]

_CLOUDS: Mapping[str, Cloud] = {
    "azure": "azure", "gcp": "gcp", "aws": "aws", "on-premises": "on_premises",
    "on_premises": "on_premises", "partner": "partner",
}  # fmt: skip
_DECIMAL_UNIT = re.compile(r"([0-9.]+) ?([kMGTPE])B")
_DEVICES = re.compile(r"(?P<type>[a-z0-9-]+\.[a-z0-9-]+)(?::(?P<count>[0-9]+))?")
_AS_SIZE = "write it as in `2 PiB`, `512 MiB` or `2251799813685248`"
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)(?:[eE][0-9]+)?")


class Unfit(ValueError):
    """What is wrong with the text at a key, and what to write."""

    def __init__(self, what: str, next_step: str, code: str = "LF-2001") -> None:
        super().__init__(what)
        self.what, self.next_step, self.code = what, next_step, code


def read_keys(root: Value) -> tuple[dict[str, Any], list[Problem]]:
    """The values of a plan by key, and everything that is wrong with it."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    if root.kind != "map":
        what = "a plan is a map of keys and values"
        return values, [Problem("LF-6621", root.place, what, "begin with `bytes: 2 PiB`")]
    units = root.get("units")
    decimal = units is not None and units.text == "decimal"
    for name, entry in root.entries.items():
        key = KEYS.get(name)
        if key is None:
            what, step = f"{name} is not a key of a plan", nearest(name, KEYS)
            problems.append(Problem("LF-2001", entry.place, what, step))
            continue
        try:
            values[name] = _read(entry.value, key, decimal=decimal)
        except Unfit as wrong:
            what = f"{name}: {wrong.what}"
            problems.append(Problem(wrong.code, entry.value.place, what, wrong.next_step))
    return values, problems


def _read(value: Value, key: Key, *, decimal: bool) -> Any:
    match key.kind:
        case "shares" if value.kind != "map":
            return {"*": _of_map(value, key, decimal)}
        case "used" | "shares" | "prices":
            return {name: _of_map(one, key, decimal) for name, one in _entries(value)}
        case "choices":
            return tuple(_choice(one.text, key) for one in value.items or (value,) if one.text)
        case _:
            return _scalar(value, key, decimal=decimal)


def _entries(value: Value) -> Iterator[tuple[str, Value]]:
    if value.kind != "map":
        raise Unfit("it is no map", "write `NAME: value` below it")
    yield from ((name, entry.value) for name, entry in value.entries.items())


def _of_map(value: Value, key: Key, decimal: bool) -> Any:
    text = _text(value)
    if key.kind == "shares":
        return _share(text, Key("share", "", most=Decimal(1)))
    if key.kind == "prices":
        return _number(text, Key("usd", "", most=Decimal(10**6)))
    if re.search(r"[A-Za-z]B$", text):
        return _size(text, Key("size", "", most=Decimal(2**70)), decimal=decimal)
    return _count(text, Key("count", "", most=Decimal(2**70)))


def _scalar(value: Value, key: Key, *, decimal: bool) -> Any:
    text = _text(value)
    if key.kind == "size":
        return _size(text, key, decimal=decimal)
    return _READERS[key.kind](text, key)


def _text(value: Value) -> str:
    if value.kind in ("map", "list"):
        raise Unfit(f"it is a {value.kind}, where one value is wanted", "write one value")
    if not value.text.strip():
        raise Unfit("it has no value", "give it one, or remove the key")
    return value.text.strip()


def _size(text: str, key: Key, *, decimal: bool) -> int:
    if _WHOLE.fullmatch(text):
        return _count(text, key)
    found = _DECIMAL_UNIT.fullmatch(text)
    if found and not decimal:
        letter = found[2].upper()
        power = "kMGTPE".index(found[2]) + 1
        raise Unfit(
            f"`{text}` can mean powers of 1000 or of 1024, and AWS bills a GB of 2^30 bytes",
            f"say {found[1]} {letter}iB (2^{10 * power}), or {found[1]} {found[2]}B "
            f"(10^{3 * power}) with decimal units: --decimal-units, or `units: decimal`",
            "LF-2011",
        )
    try:
        return _within(size_bytes(text), text, key)
    except Unreadable as error:
        raise Unfit(f"`{text}` {error.what}", _AS_SIZE, error.code) from error


def _count(text: str, key: Key) -> int:
    if not _WHOLE.fullmatch(text):
        raise Unfit(f"`{text}` is no whole number", "write digits alone, such as 16777216 or 1e9")
    return _within(int(Decimal(text)), text, key)


def _number(text: str, key: Key) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise Unfit(f"`{text}` is no number", "write digits and a point, such as 12.50")
    return _within(found, text, key)


@exact()
def _share(text: str, key: Key) -> Decimal:
    if not text.endswith("%"):
        return _number(text, key)
    return _within(_number(text[:-1].strip(), Key("number", "")) / 100, text, key)


def _within(found: Amount, text: str, key: Key) -> Amount:
    if found < 0:
        raise Unfit(f"`{text}` is negative", f"write {key.least:f} or more", "LF-6622")
    if found < key.least:
        raise Unfit(f"`{text}` is too little", f"write {key.least:f} or more", "LF-6622")
    if found > key.most:
        what = f"`{text}` is beyond anything that can be meant"
        most = f"{100 * key.most:f} %" if key.kind == "share" else f"{key.most:,f}"
        raise Unfit(what, f"write at most {most}", "LF-6622")
    return found


def _days(text: str, key: Key) -> Decimal | str:
    return text if text == "month" else _number(text, key)


def _time(text: str, key: Key) -> datetime:  # noqa: ARG001
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unfit(f"`{text}` is no time", "write 2026-12-01 or 2026-12-01T06:00Z") from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _place(text: str, key: Key) -> Place:  # noqa: ARG001
    name, _, region = text.partition(":")
    cloud = _CLOUDS.get(name.strip().lower())
    if cloud is None:
        step = f"{nearest(name, _CLOUDS)}; write azure:westeurope, aws:us-east-1 or on-premises"
        raise Unfit(f"`{text}` names no cloud that is known", step)
    if not region and cloud in ("azure", "gcp", "aws"):
        raise Unfit(f"`{text}` names no region", f"write {name}:REGION")
    return cloud, region.strip()


def _devices(text: str, key: Key) -> Devices | None:
    """None: `auto`; of no type and 0 of it: `none`."""
    if text in ("auto", "none"):
        return None if text == "auto" else ("", 0)
    found = _DEVICES.fullmatch(text)
    if found is None:
        raise Unfit(f"`{text}` is no TYPE:COUNT", "write it as c7gn.large:3")
    return found["type"], _count(found["count"] or "1", Key("count", "", "", Decimal(1), key.most))


def _choice(text: str, key: Key) -> str:
    if text not in key.choices:
        raise Unfit(f"`{text}` is not known here", nearest(text, key.choices))
    return text


def _yes(text: str, key: Key) -> bool:  # noqa: ARG001
    if text not in ("true", "false", "True", "False"):
        raise Unfit(f"`{text}` is neither true nor false", "write true or false")
    return text.lower() == "true"


def _as_is(text: str, key: Key) -> str:  # noqa: ARG001
    return text


_READERS: Mapping[str, Callable[[str, Key], Any]] = {
    "count": _count, "number": _number, "usd": _number, "share": _share, "days": _days,
    "time": _time, "place": _place, "devices": _devices, "choice": _choice, "yes": _yes,
    "path": _as_is,
}  # fmt: skip
