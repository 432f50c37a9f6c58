"""A local Contributor Insights gives what the known truth and a second, plain reading give."""

import json
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeferry.monitor.proof.put_away import put_away
from lakeferry.network.contributions import PutAway
from lakeferry.network.evaluate import Evaluation
from lakeferry.network.json_events import JsonBatch
from lakeferry.network.rule_report import METRICS, ORDERS, RuleReport, rolled_up
from lakeferry.network.rules import Filter, Rule, parse_rule
from tests.network import insight_reference as reference
from tests.network.insight_makers import SAMPLE, V2, batch, rule, sample_batches

ENCODINGS = {"v2": "v2", "custom": "custom", "odd": "odd", "v11": "v11", "cwl": "custom"}


def evaluated(rules: list[Rule], *batches: object, period_s: int = 60) -> dict[str, RuleReport]:
    evaluation = Evaluation(rules, period_s)
    for one in batches:
        evaluation.add(one)  # type: ignore[arg-type]
    return dict(evaluation.finish())


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_rule_of_the_sample_gives_the_known_truth_in_every_encoding(encoding: str) -> None:
    batches = list(sample_batches(encoding))
    bodies = json.loads((SAMPLE / "rules" / f"{ENCODINGS[encoding]}.json").read_text())
    known = json.loads((SAMPLE / "expected.json").read_text())["rules"]

    rules = [parse_rule(name, json.dumps(body)) for name, body in bodies.items()]
    reports = evaluated(rules, *batches)

    assert len(reports) == (4 if encoding == "v2" else 6)
    for name, report in reports.items():
        assert report.total == known[name]["AggregateValue"]
        assert len(report.shares) == known[name]["UniqueCount"]
        assert tops(list(report.ranked().top)) == known[name]["top"]
        assert [str(one.start_s) for one in report.periods] == list(known[name]["per_minute"])
        for one in report.periods:
            truth = known[name]["per_minute"][str(one.start_s)]
            assert {metric: one.value(metric) for metric in METRICS} == pytest.approx(
                {metric: truth[metric] for metric in METRICS}, rel=1e-15, abs=0
            )
            minute = {
                key: shares[one.start_s].value
                for key, shares in report.shares.items()
                if one.start_s in shares
            }
            best = sorted(minute.items(), key=lambda item: (-item[1], item[0]))
            assert tops(best) == truth["top"]


def tops(ranked: list[tuple[tuple[str, ...], int | Fraction]]) -> list[dict[str, object]]:
    return [{"Keys": list(key), "Value": value} for key, value in ranked[:10]]


# ---- against the reference

FIELDS = ("interface-id", "srcaddr", "bytes", "action", "protocol")
TOKENS = {
    "interface-id": st.sampled_from(["eni-1", "eni-2", "eni-22", "-"]),
    "srcaddr": st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1", "-", "x" * 1025]),
    "bytes": st.one_of(
        st.integers(0, 2**70).map(str),
        st.sampled_from(
            ["-", "0x1F", "+5", "-7", "1.5", "1e3", "06", "", "1_000", "٣", "1e999", "1e-999"]
        ),
    ),
    "action": st.sampled_from(["ACCEPT", "REJECT", "accept", "-"]),
    "protocol": st.sampled_from(["6", "06", "6.0", "17", "-", "TCP"]),
}
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 400_000),
        st.tuples(*(TOKENS[name] for name in FIELDS)),
        st.integers(0, len(FIELDS)),
    ).map(lambda event: (event[0], [*event[1]][: event[2]] if event[2] < 3 else [*event[1]])),
    max_size=40,
)
TEXTS = st.lists(
    st.sampled_from(["eni-1", "eni-2", "10.0.0.1", "ACCEPT", "REJECT", "-", "6", "e", "10."]),
    min_size=1, max_size=3,
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-10, 2**71), st.sampled_from([6, 6.0, 0.5, 1.5, 2.0**63, 1e300, -1e300])
)
FILTERS = st.one_of(
    st.builds(
        lambda match, operator, texts: Filter(match, operator, texts=tuple(texts)),
        st.sampled_from(FIELDS), st.sampled_from(["In", "NotIn", "StartsWith"]), TEXTS,
    ),
    st.builds(
        lambda match, operator, number: Filter(match, operator, number=number),
        st.sampled_from(["bytes", "protocol", "srcaddr"]),
        st.sampled_from(["GreaterThan", "LessThan", "EqualTo", "NotEqualTo"]), NUMBERS,
    ),
    st.builds(
        lambda match, present: Filter(match, "IsPresent", present=present),
        st.sampled_from(FIELDS), st.booleans(),
    ),
)  # fmt: skip
RULES = st.builds(
    lambda keys, filters, value: rule(keys, *filters, value_of=value, fields=(*FIELDS, "beyond")),
    st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique=True),
    st.lists(FILTERS, max_size=4),
    st.sampled_from([None, "bytes", "protocol", "beyond"]),
)


PARTS = st.tuples(st.lists(RULES, min_size=1, max_size=3), EVENTS, st.integers(0, 40))


@settings(max_examples=400, deadline=None)
@given(made=PARTS)
def test_the_evaluator_equals_a_plain_reading(
    made: tuple[list[Rule], list[tuple[int, list[str]]], int],
) -> None:
    equals_a_plain_reading(*made, put_away=None)


@settings(max_examples=25, deadline=None)
@given(made=PARTS)
def test_it_does_where_everything_is_put_away_too(
    made: tuple[list[Rule], list[tuple[int, list[str]]], int],
) -> None:
    equals_a_plain_reading(*made, put_away=put_away)


def equals_a_plain_reading(
    rules: list[Rule],
    events: list[tuple[int, list[str]]],
    cut: int,
    *,
    put_away: PutAway | None,
) -> None:
    named = [replace(one, name=str(index)) for index, one in enumerate(rules)]
    evaluation = Evaluation(named, put_away=put_away, held_bytes=0)
    for part in (events[:cut], events[cut:]):
        tokens, times = [tokens for _, tokens in part], [at for at, _ in part]
        evaluation.add(batch(FIELDS, tokens, times))
        _ = evaluation.span_s  # evaluates what has gathered, so that each part becomes a run
    reports = evaluation.finish()

    for one in named:
        same_as_reference(reports[one.name], reference.evaluate(one, events))


def most_of(values: Iterable[int | Fraction], order_by: str) -> int | Fraction:
    return max(values) if order_by == "Maximum" else sum(values)


def same_as_reference(report: RuleReport, truth: reference.Answer) -> None:
    found = {
        key: {at: share.value for at, share in shares.items()}
        for key, shares in report.shares.items()
    }
    assert found == truth.contributors()
    for order_by in ORDERS:
        best = sorted(
            ((key, most_of(one.values(), order_by)) for key, one in found.items()),
            key=lambda item: (-item[1], [text.encode() for text in item[0]]),
        )
        ranked = report.ranked(order_by, 2)
        assert (ranked.contributors, list(ranked.top)) == (len(found), best[:2])
        assert list(report.ranked(order_by).top) == best
    assert (report.tally.no_key, report.tally.no_value) == (truth.no_key, truth.no_value)
    assert [one.start_s for one in report.periods] == sorted(truth.values)
    for one in report.periods:
        wanted = truth.period(one.start_s)
        average = wanted.pop("Average")
        assert {metric: one.value(metric) for metric in wanted} == wanted
        assert float(one.value("Average")) == average
    if found:
        (first, *_) = found
        assert report.found.of(report.scope, [first]) == {first: report.shares[first]}
        longer = rolled_up(report, 300)
        assert longer.total == report.total
        assert sum(one.samples for one in longer.periods) == report.tally.kept


JSON_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 200_000),
        st.fixed_dictionaries(
            {},
            optional={
                "a": st.sampled_from(["x", "y", 6, True, None, [], {}]),
                "b": st.fixed_dictionaries({}, optional={"c": st.sampled_from([1, 2, "1", "z"])}),
                "d": st.lists(st.integers(0, 3), max_size=2),
            },
        ),
    ),
    max_size=30,
)
PATHS = st.sampled_from(["$.a", "$.b.c", "$.d[0]", "$.d[1]", "$.no"])
JSON_RULES = st.builds(
    lambda keys, filters, value: Rule(
        "r", "JSON", tuple(keys), tuple(filters), value, "Sum" if value else "Count"
    ),
    st.lists(PATHS, min_size=1, max_size=3, unique=True),
    st.lists(
        st.one_of(
            st.builds(lambda p, t: Filter(p, "In", texts=tuple(t)), PATHS,
                      st.lists(st.sampled_from(["x", "6", "1", "true"]), min_size=1, max_size=2)),
            st.builds(lambda p, n: Filter(p, "GreaterThan", number=n), PATHS, st.integers(0, 3)),
            st.builds(lambda p, b: Filter(p, "IsPresent", present=b), PATHS, st.booleans()),
        ),
        max_size=3,
    ),
    st.one_of(st.none(), PATHS),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(one=JSON_RULES, events=JSON_EVENTS)
def test_json_rules_equal_a_plain_reading_too(
    one: Rule, events: list[tuple[int, dict[str, object]]]
) -> None:
    evaluation = Evaluation([one])
    times = pa.array([at for at, _ in events], pa.int64())
    evaluation.add_json(JsonBatch(tuple(event for _, event in events), times, "made"))

    same_as_reference(evaluation.finish()["r"], reference.evaluate(one, events))


BOUNDS = (-(2**63) - 1, -(2**63), -1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64)
HALVES = (-1.5, -0.5, 0.5, 1.5, 2.0**53, 2.0**63, -(2.0**63))


@pytest.mark.parametrize("operator", ["GreaterThan", "LessThan", "EqualTo", "NotEqualTo"])
@pytest.mark.parametrize("limit", [*BOUNDS, *HALVES])
def test_a_number_beside_the_limit_is_on_its_own_side(operator: str, limit: float) -> None:
    one = rule(["k"], Filter("k", operator, number=limit), fields=("k",))
    texts = [*map(str, BOUNDS), *map(str, HALVES)]
    events = [(0, [text]) for text in texts]

    found = evaluated([one], batch(("k",), [[text] for text in texts], [0] * len(texts)))

    same_as_reference(found["r"], reference.evaluate(one, events))


# ---- what the semantics say, one by one


def sums(report: RuleReport) -> dict[tuple[str, ...], object]:
    return dict(report.ranked().top)


def test_sums_beyond_64_bits_do_not_wrap() -> None:
    rows = [["eni-1", str(10**18 - 1)]] * 100

    found = evaluated(
        [rule(["interface-id"], value_of="bytes", fields=("interface-id", "bytes"))],
        *[batch(("interface-id", "bytes"), rows, [0] * 100) for _ in range(50)],
    )

    assert found["r"].total == 5000 * (10**18 - 1) > 2**64


def test_an_event_belongs_to_the_period_in_which_it_starts() -> None:
    rows = [["a"], ["a"], ["a"]]

    one = rule(["k"], fields=("k",))
    found = evaluated([one], batch(("k",), rows, [59_999, 60_000, -1]))["r"]

    assert {one.start_s: one.samples for one in found.periods} == {-60: 1, 0: 1, 60: 1}


def test_only_whole_periods_of_the_range_count() -> None:
    evaluation = Evaluation([rule(["k"], fields=("k",))], 60, start_s=70, end_s=130)
    evaluation.add(batch(("k",), [["a"]] * 4, [59_999, 60_000, 179_999, 180_000]))

    report = evaluation.finish()["r"]

    assert report.total == 2
    assert report.tally.out_of_range == 2


def test_an_event_without_a_time_is_counted_and_left_out() -> None:
    found = evaluated([rule(["k"], fields=("k",))], batch(("k",), [["a"], ["b"]], [None, 0]))["r"]

    assert sums(found) == {("b",): 1}
    assert found.tally.no_time == 1


def test_a_dash_is_a_contributor_like_any_other() -> None:
    found = evaluated([rule(["k"], fields=("k",))], batch(("k",), [["-"]], [0]))["r"]

    assert sums(found) == {("-",): 1}


def test_rules_with_one_alias_for_different_positions_do_not_disturb_each_other() -> None:
    first = Rule("first", "CLF", ("x",), fields=((1, "x"),))
    second = Rule("second", "CLF", ("x",), fields=((2, "x"),))

    found = evaluated([first, second], batch(("a", "b"), [["1", "2"]], [0]))

    assert (sums(found["first"]), sums(found["second"])) == ({("1",): 1}, {("2",): 1})


def test_files_of_several_formats_are_read_by_their_own_positions() -> None:
    one = Rule("r", "CLF", ("2",))

    found = evaluated(
        [one], batch(("a", "b"), [["1", "2"]], [0]), batch(("b", "a"), [["3", "4"]], [0])
    )

    assert sums(found["r"]) == {("2",): 1, ("4",): 1}


def test_many_contributors_over_many_batches_are_joined_without_loss() -> None:
    one = rule(["k"], value_of="v", fields=("k", "v"))
    count = 150_000
    rows = [[f"k{index}", str(index)] for index in range(count)]

    found = evaluated([one], *[batch(("k", "v"), rows, [0] * count) for _ in range(4)])["r"]

    assert len(found.shares) == count
    assert found.total == 4 * sum(range(count))
    assert found.shares["k7",][0].value == 28


def test_what_was_put_away_many_times_is_found_again_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakeferry.network.contributions._STEP_BYTES", 1)  # many joining steps
    one = rule(["k"], value_of="v", fields=("k", "v"))
    evaluation = Evaluation([one], put_away=put_away, held_bytes=100_000)
    count = 5_000
    for minute in range(5):  # each contributor in every run
        rows = [[f"k{index}", str(10**18 - 1 - index)] for index in range(count)]
        evaluation.add(batch(("k", "v"), rows, [60_000 * minute] * count))
        assert evaluation.span_s == (0, 60 * minute + 60)  # evaluates: a run for each minute

    report = evaluation.finish()["r"]

    assert report.total == 5 * (count * (10**18 - 1) - sum(range(count)))
    assert report.ranked("Sum", 2).top == ((("k0",), 5 * (10**18 - 1)), (("k1",), 5 * (10**18 - 2)))
    assert report.ranked("Maximum", 1).top == ((("k0",), 10**18 - 1),)
    assert report.ranked().contributors == count
    assert [one.contributors for one in report.periods] == [count] * 5
    assert sorted(report.found.of(report.scope, [("k7",)])["k7",]) == [0, 60, 120, 180, 240]


def test_v2_rules_see_all_rows_of_the_default_format() -> None:
    row = [
        "2",
        "1",
        "eni-1",
        "10.0.0.1",
        "10.0.0.2",
        "1",
        "443",
        "6",
        "2",
        "84",
        "60",
        "90",
        "ACCEPT",
        "OK",
    ]

    found = evaluated([rule(["srcaddr", "dstaddr"], value_of="bytes")], batch(V2, [row], [60_000]))

    assert sums(found["r"]) == {("10.0.0.1", "10.0.0.2"): 84}
