"""The door of the room: read a plan and prices, price every path, choose."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeferry.errors import FerryError

if TYPE_CHECKING:
    from lakeferry.config.tree import Value
    from lakeferry.cost.plan.cost_report import CostReport
    from lakeferry.cost.plan.values import CostPlan
    from lakeferry.cost.prices.values import PriceBook
    from lakeferry.network.resources import PlannedFlow

STDIN = "-"
_EITHER = ("days", "hours")  # one that is laid upon a plan takes the place of the other


@dataclass(frozen=True, slots=True)
class CostRequest:
    """What is asked for. Later texts of keys are laid upon earlier ones."""

    file: str | None = None  # a plan file
    under: "Value | None" = None  # what a manifest assumes
    keys: Sequence[tuple[str, str, Any]] = ()  # (as people typed it, key, text or a map of texts)
    texts: Mapping[str, str] = field(default_factory=dict)  # of the manifest, to quote from


def cost(
    plan: "str | Path | Mapping[str, Any] | Sequence[PlannedFlow] | None" = None,
    /,
    **keys: Any,
) -> "CostReport":
    """What moving bytes to AWS costs by every path, line by line, and which path to take.

        lakeferry.cost(bytes="2 PiB", days=30, source="azure:westeurope", target="aws:us-east-1")

    Args:
        plan: a plan file (YAML or JSON), its keys as a mapping, or what a plan will send over
            the network; None: keywords say it all.
        keys: as in a plan file, see docs/reference/cost.md, and laid upon it; `source` and
            `target` are its `from` and `to`, as `from` is a word of Python's own.

    Returns:
        Every path with its lines, exact. It prints as a table.

    Raises:
        FerryError, ExceptionGroup: of FerryError, for everything that is wrong with the plan.
    """
    file, given = _given(plan)
    renamed = {"source": "from", "target": "to"}
    said = {name: one for name, one in {**given, **keys}.items() if one is not None}
    typed = [(name, renamed.get(name, name), one) for name, one in said.items()]
    return cost_of(CostRequest(file=file, keys=typed))


def _given(
    plan: "str | Path | Mapping[str, Any] | Sequence[PlannedFlow] | None",
) -> tuple[str | None, dict[str, Any]]:
    """The file, or the keys, that a plan is."""
    if plan is None:
        return None, {}
    if isinstance(plan, str | Path):
        return str(plan), {}
    if isinstance(plan, Mapping):
        return None, dict(plan)
    from lakeferry.cost.plan.flows import keys_of_flows

    return None, keys_of_flows(plan)


def cost_of(request: CostRequest, *, today: date | None = None) -> "CostReport":
    """The answer to a request; see `cost`."""
    from lakeferry.cost.plan.answer import answer

    plan = read_plan(request)
    return answer(plan, listed_prices(plan.prices), today=today or datetime.now(UTC).date())


def read_plan(request: CostRequest) -> "CostPlan":
    """Raises LF-2001, LF-2011, LF-6621, LF-6622, each with its place, as a group."""
    from lakeferry.config.overlay import merged
    from lakeferry.config.problems import refuse
    from lakeferry.config.tree import Entry, Place, Value
    from lakeferry.cost.plan.reading import read_keys
    from lakeferry.cost.plan.values import plan_of

    texts = dict(request.texts)
    root = Value("map", Place("the plan", 0, 1))
    if request.under is not None:
        root = _over(root, request.under)
    if request.file is not None:
        value, texts[request.file] = read_plan_file(request.file)
        root = Value("map", value.place, entries=_over(root, value).entries)
    typed = Value("map", root.place)
    for name, key, given in request.keys:
        place = Place(name, 0, 1)
        entry = Entry(place, _value(given, place))
        typed = merged(typed, Value("map", root.place, entries={key: entry}))
    root = Value("map", root.place, entries=_over(root, typed).entries)
    found, problems = read_keys(root)
    refuse(problems, texts, what="the plan")
    plan, problems = plan_of(found, root)
    refuse(problems, texts, what="the plan")
    assert plan is not None
    return plan


def _over(under: "Value", over: "Value") -> "Value":
    """A layer upon what is under it; days take the place of hours, and hours of days."""
    from lakeferry.config.overlay import merged, without

    if any(one in over.entries for one in _EITHER):
        under = without(under, *((one,) for one in _EITHER))
    return merged(under, over)


def listed_prices(file: str | None) -> "PriceBook":
    """The prices that come along, with those of a file before them.

    Raises:
        FerryError: LF-6503, LF-6504.
    """
    from lakeferry.cost.prices.price_file import overridden, own_book, read_book

    if file is None:
        return own_book()
    try:
        text = Path(file).read_bytes()
    except OSError as error:
        raise FerryError(
            "LF-6504",
            "a file of prices cannot be read",
            f"{file}: {error.strerror}",
            "name another with --prices FILE",
        ) from error
    return overridden(own_book(), read_book(text, file), file)


def read_plan_file(file: str) -> "tuple[Value, str]":
    """The tree of a plan file (`-`: stdin), and its text. Raises LF-6623, alone or in a group."""
    from lakeferry.config.json_text import read_json
    from lakeferry.config.problems import refuse
    from lakeferry.config.yaml_text import read_yaml

    try:
        raw = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _unread(f"{file}: {why}", "name another file") from error
    reader = read_json if file.lower().endswith(".json") else read_yaml
    root, problems = reader(text, file)
    refuse([replace(one, code="LF-6623") for one in problems], {file: text}, what="the plan")
    if root is None:
        raise _unread(f"{file} is empty", "begin with `bytes: 2 PiB`")
    if root.kind != "map":
        raise _unread(f"{file} is a {root.kind}, no map of keys", "begin with `bytes: 2 PiB`")
    return root, text


def _unread(where: str, next_step: str) -> FerryError:
    return FerryError("LF-6623", "the plan cannot be read", where, next_step)


def _value(given: Any, place: Any) -> "Value":
    from lakeferry.config.tree import Entry, Value

    if isinstance(given, Mapping):
        entries = {str(key): Entry(place, _value(one, place)) for key, one in given.items()}
        return Value("map", place, entries=entries)
    if isinstance(given, list | tuple):
        return Value("list", place, items=tuple(_value(one, place) for one in given))
    text = given.isoformat() if isinstance(given, date) else str(given)
    return Value("text", place, text=text)
