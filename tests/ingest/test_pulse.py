"""A loop that had no turn for long."""

from lakeferry.ingest.crew.pulse import Pulse


def beaten(*times: float) -> Pulse:
    """A pulse of 300 s at most that beat at these times; the first is when it began."""
    clock = iter(times)
    pulse = Pulse(300.0, lambda: next(clock))
    for _ in times[1:]:
        pulse.beat()
    return pulse


def test_turns_within_the_limit_are_none_missed() -> None:
    assert beaten(0.0, 1.0, 301.0).missed_s == 0.0


def test_a_time_without_a_turn_is_remembered_at_the_turns_after_it() -> None:
    assert beaten(0.0, 1.0, 601.0, 602.0).missed_s == 600.0


def test_of_several_the_longest_is_told() -> None:
    assert beaten(0.0, 400.0, 1_000.0, 1_350.0).missed_s == 600.0
