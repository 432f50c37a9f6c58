"""Waves that wait for each other, times that no calendar has, hours that do not exist. Pure.

Most manifests have no windows, so what knows of zones is imported where there are some.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from lakeferry.config.leaf_values import entries_at, text_at
from lakeferry.config.problems import Problem
from lakeferry.config.references import references
from lakeferry.config.tree import Value
from lakeferry.errors import FerryError
from lakeferry.fleet.manifest.wanted_values import after_of, time_of, window_of


def wave_problems(root: Value) -> Iterator[Problem]:
    """Every fault of `waves`."""
    waves = entries_at(root, "waves")
    for number, wave in waves.items():
        for key in ("start", "cutover"):
            yield from _time(wave, f"waves.{number}.{key}", key)
        after = wave.get("after")
        for before in after_of(wave):
            if after is not None and str(before) not in waves:
                what = f"waves.{number}.after: there is no wave {before}"
                yield Problem("LF-2001", after.place, what, f"known: {', '.join(waves)}")
    circle = _circle(waves)
    if circle:
        after = waves[circle[0]].get("after")
        assert after is not None
        what = f"waves.{circle[0]}.after: these waves wait for each other: {' → '.join(circle)}"
        yield Problem("LF-2001", after.place, what, "let one of them wait for none of these")
    elif all(str(one) in waves for wave in waves.values() for one in after_of(wave)):
        yield from _order(waves)


def _time(wave: Value, at: str, key: str) -> Iterator[Problem]:
    value = wave.get(key)
    if value is None or references(value.text):
        return
    try:
        time_of(value.text)
    except ValueError:
        what = f"{at}: no calendar has `{value.text}`"
        yield Problem("LF-2001", value.place, what, "write a day that there is")


def _circle(waves: Mapping[str, Value]) -> list[str]:
    """Waves of which each comes after the next, the first again at the end; [] where none do."""
    done: set[str] = set()
    for start in waves:
        way = _walk(waves, start, [], done)
        if way:
            return way
    return []


def _walk(waves: Mapping[str, Value], at: str, way: Sequence[str], done: set[str]) -> list[str]:
    if at in way:
        return [*way[way.index(at) :], at]
    if at in done or at not in waves:
        return []
    for before in after_of(waves[at]):
        found = _walk(waves, str(before), [*way, at], done)
        if found:
            return found
    done.add(at)
    return []


def _order(waves: Mapping[str, Value]) -> Iterator[Problem]:
    """A wave that is cut over before one that it comes after."""
    for number, wave in waves.items():
        at = wave.get("cutover")
        for before in after_of(wave):
            earlier = text_at(waves[str(before)], "cutover")
            try:
                mine, theirs = time_of(at.text if at is not None else None), time_of(earlier)
            except ValueError:
                continue
            if at is not None and mine is not None and theirs is not None and mine < theirs:
                what = f"waves.{number}.cutover: it comes after wave {before}, which is cut over "
                what += f"at {earlier}"
                yield Problem("LF-2001", at.place, what, "write a later time")


# ---- windows


def window_problems(root: Value) -> Iterator[Problem]:
    """Every fault of `limits.windows`."""
    for number, value in enumerate(_windows(root)):
        at = f"limits.windows.{number}"
        yield from _zone(value, at)
        yield from _select(value, at)
        if value.get("bandwidth") is None and text_at(value, "pause") != "true":
            step = "add `bandwidth:` or `pause: true`"
            yield Problem("LF-2001", value.place, f"{at} says nothing of its hours", step)
        end = value.get("to")
        is_whole_day = end is not None and end.text == "00:00"
        if end is not None and end.text == text_at(value, "from") and not is_whole_day:
            what = f"{at}: it ends when it begins"
            yield Problem("LF-2001", end.place, what, 'for whole days write "00:00" for both')


def window_notes(root: Value, since: date) -> Iterator[Problem]:
    """Windows that begin or end in an hour that some night of the coming year does not have."""
    from lakeferry.fleet.manifest.window import gap_of

    for number, value in enumerate(_windows(root)):
        zone = text_at(value, "tz") or "UTC"
        gap = gap_of(window_of(value), since)
        if gap is not None:
            edge = value.get(gap.end)
            what = (
                f"limits.windows.{number}.{gap.end}: on {gap.day} there is no {gap.wall} in {zone}"
            )
            step = "nothing: that night the clocks' next minute is taken; or choose another hour"
            yield Problem("LF-2106", (edge or value).place, what, step)


def _windows(root: Value) -> tuple[Value, ...]:
    found = root.get("limits", "windows")
    return found.items if found is not None else ()


def _select(value: Value, at: str) -> Iterator[Problem]:
    chosen = value.get("select")
    if chosen is None or references(chosen.text):
        return
    from lakeferry.fleet.manifest.select import selection

    try:
        selection([chosen.text], _no_file)
    except FerryError as error:
        yield Problem("LF-2001", chosen.place, f"{at}.select: {error.what}", error.next_step)


def _no_file(name: str) -> str:
    step = "write the terms themselves"
    raise FerryError("LF-2001", f"`@{name}` is of the command line", "", step)


def _zone(value: Value, at: str) -> Iterator[Problem]:
    zone = value.get("tz")
    if zone is None or _is_zone(zone.text):
        return
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    known = sorted(available_timezones())
    last = [one for one in known if one.rpartition("/")[2].lower() == zone.text.lower()]
    near = [*last, *get_close_matches(zone.text, known, n=1, cutoff=0.5)]
    step = f"did you mean `{near[0]}`?" if near else "write one such as `Europe/Berlin` or `UTC`"
    yield Problem("LF-2001", zone.place, f"{at}.tz: there is no time zone `{zone.text}`", step)


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, a path that leads out, a folder
        return False
    return True
