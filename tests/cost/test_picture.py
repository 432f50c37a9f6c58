"""What the picture of a price shows: every path's dollars, the break-even, the front; legibly."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakeferry
from lakeferry.cost.path.front import Front, front, points
from lakeferry.cost.path.migration import Migration, NatInstances, Source, Watching
from lakeferry.cost.path.money import cents, dollars, exact
from lakeferry.cost.path.names import point_name, why_of
from lakeferry.cost.path.span import of_hours
from lakeferry.cost.path.total import paths_of, price
from lakeferry.cost.picture.bars import Named
from lakeferry.cost.picture.one_picture import crossing, picture
from lakeferry.cost.picture.parts import DARK, overlap
from lakeferry.network.picture_parts import GROUND, Box, cells
from tests.cli.program import called
from tests.cost.plans import BOOK, TWO_PIB

SVG = "{http://www.w3.org/2000/svg}"

AZURE = replace(
    TWO_PIB,
    source=Source("azure", "eastus", worker_usd_hour=Decimal("0.80"), worker_gbps=Decimal(5)),
)
ON_PREMISES = replace(
    TWO_PIB,
    bytes=10**12, objects=8_000, span=of_hours(3 * 24), watching=Watching(alarms=2),
    source=Source("on_premises", line_gbps=Decimal(1)),
)  # fmt: skip
ALL = {
    "2 PiB of Azure": AZURE,
    "1 TB on premises": ON_PREMISES,
    "GCP": replace(TWO_PIB, source=Source("gcp", "us-central1")),
    "the same Region, with storage": replace(
        TWO_PIB, source=Source("aws", "us-east-1"), with_storage=True
    ),
    "most without a price, and credits": replace(
        TWO_PIB, source=Source("azure", "westeurope"), target_region="ap-southeast-2",
        worker_type="c6gn.large", credits=Decimal(50_000),
    ),
    "a leak by small instances": replace(
        AZURE, s3_endpoint=False, nat_gateways=1,
        nat_instances=NatInstances("t4g.nano", 2, standby=False),
    ),
    "one instance alone": replace(AZURE, nat_instances=NatInstances(count=1)),
    "nothing": replace(ON_PREMISES, bytes=0, objects=0),
}  # fmt: skip


def options(migration: Migration) -> Front:
    return front(points(migration, BOOK), migration.span.hours)


def quotes(migration: Migration) -> list[Named]:
    return [
        (f"{placement} by {path}", price(migration, BOOK, path, placement))
        for placement in ("pull", "push")
        for path in paths_of(migration, placement)
    ]


def drawn(migration: Migration) -> ElementTree.Element:
    return ElementTree.fromstring(text_of(migration))


def text_of(migration: Migration) -> str:
    found = options(migration)
    taken = f"{found.chosen.placement} by {found.chosen.path}" if found.chosen else None
    return picture(migration, BOOK, quotes(migration), found, taken)


def shown(migration: Migration) -> list[str]:
    return [one.text or "" for one in drawn(migration).iter(f"{SVG}text")]


def tips(migration: Migration, kind: str) -> list[str]:
    return [
        one.findtext(f"{SVG}title") or ""
        for one in drawn(migration).iter(f"{SVG}{kind}")
        if one.find(f"{SVG}title") is not None
    ]


# ---- it can be read


@pytest.mark.parametrize("name", ALL)
def test_no_text_leaves_the_picture_or_covers_another(name: str) -> None:
    check_places(drawn(ALL[name]))


@given(
    volume=st.integers(0, 60),
    days=st.integers(1, 400),
    workers=st.integers(0, 50),
    count=st.integers(1, 12),
    cloud=st.sampled_from(["azure", "gcp", "on_premises", "aws", "partner"]),
)
@settings(max_examples=60, deadline=None)
def test_no_text_covers_another_whatever_is_planned(
    volume: int, days: int, workers: int, count: int, cloud: str
) -> None:
    places = {"azure": "westeurope", "gcp": "us-central1", "aws": "us-east-1"}
    source = Source(cloud, places.get(cloud, ""))  # type: ignore[arg-type]
    plan = replace(
        TWO_PIB, bytes=2**volume, span=of_hours(days * 24), workers=workers, source=source,
        nat_instances=NatInstances(count=count),
    )  # fmt: skip

    check_places(drawn(plan))


def check_places(root: ElementTree.Element) -> None:
    boxes = [_extent(one) for one in root.iter(f"{SVG}text")]
    assert len(boxes) >= 8
    width, height = (float(root.get(each, "0")) for each in ("width", "height"))
    for box in boxes:
        assert box.x >= 0
        assert box.y >= 0
        assert box.right <= width
        assert box.bottom <= height
    for one, other in combinations(boxes, 2):
        assert not overlap(one, other)
    for path in root.iter(f"{SVG}path"):
        (x, top), (end, bottom), *more = [*_points(path), (0.0, 0.0)]
        if path.get("stroke-dasharray") and x == end and len(more) == 1:
            mark = Box(x - 0.5, min(top, bottom), 1, abs(top - bottom))
            assert not any(overlap(mark, box) for box in boxes)


def _extent(text: ElementTree.Element) -> Box:
    size = float(text.get("font-size", "0"))
    wide = cells(text.text or "".join(one.tail or "" for one in text)) * size * 0.6
    x, y = float(text.get("x", "0")), float(text.get("y", "0"))
    left = x - {"end": wide, "middle": wide / 2}.get(text.get("text-anchor", ""), 0)
    return Box(left, y - size * 0.8, wide, size)


@pytest.mark.parametrize("name", ALL)
def test_a_text_is_of_a_size_to_read(name: str) -> None:
    sizes = {int(one.get("font-size", "0")) for one in drawn(ALL[name]).iter(f"{SVG}text")}

    assert min(sizes) >= 11
    assert max(sizes) <= 18


@pytest.mark.parametrize("name", ALL)
def test_every_colour_stands_out_in_light_and_in_dark(name: str) -> None:
    root = drawn(ALL[name])
    filled = {one.get("fill", "") for one in root.iter(f"{SVG}rect")} - {GROUND}
    for text in root.iter(f"{SVG}text"):
        ink = text.get("fill", "")
        # White is written on bars only.
        grounds = filled if ink == "#ffffff" else {GROUND}
        for ground in grounds:
            assert contrast(ink, ground) >= 4.5
            assert contrast(DARK[ink], DARK[ground]) >= 4.5
    for fill in filled - {"100%"}:
        assert contrast(fill, GROUND) >= 3
        assert contrast(DARK[fill], DARK[GROUND]) >= 3


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    r, g, b = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("name", ALL)
def test_a_picture_stands_alone_and_is_the_same_each_time(name: str) -> None:
    text = text_of(ALL[name])

    assert not re.search(r"<(script|image|foreignObject|use|a)\b|href|url\(|@import", text)
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert text == text_of(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_a_screen_reader_is_told_what_is_drawn(name: str) -> None:
    plan = ALL[name]
    root = drawn(plan)
    said = root.findtext(f"{SVG}desc") or ""

    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title"
    assert (root[0].text or "").startswith("What it costs: ")
    for path, quote in quotes(plan):
        assert f"{path}: " in said
        assert dollars(quote.total) in said
    assert why_of(options(plan)) in said


# ---- cost by path


@pytest.mark.parametrize("name", ALL)
def test_the_pieces_of_a_bar_add_up_to_the_path_s_total(name: str) -> None:
    plan = ALL[name]
    pieces = tips(plan, "rect")
    for path, quote in quotes(plan):
        parts = dict(_piece(one) for one in pieces if one.startswith(f"{path}, "))

        assert parts == {
            part: cents(usd)
            for part in {line.part for line in quote.lines}
            if (usd := quote.of(part))
        }
        with exact():
            assert abs(sum(parts.values()) - quote.total) <= Decimal("0.01") * len(parts)


def _piece(tip: str) -> tuple[str, Decimal]:
    part, usd = tip.split(", ", 1)[1].split(": ")
    return part, Decimal(usd.replace(",", ""))


def test_a_piece_is_as_long_as_its_dollars() -> None:
    pieces = [
        (float(one.get("width", "0")), float(_piece(tip)[1]))
        for one in drawn(AZURE).iter(f"{SVG}rect")
        if (tip := one.findtext(f"{SVG}title")) and _piece(tip)[1] > 2_000
    ]
    rates = [width / usd for width, usd in pieces]

    assert len(rates) > 10
    assert max(rates) / min(rates) == pytest.approx(1, rel=0.03)


def test_what_has_no_price_is_named_and_in_no_bar() -> None:
    plan = ALL["most without a price, and credits"]
    said = " ".join(" ".join(shown(plan)).split())

    assert "at least 187,086.82" in said
    for path, quote in quotes(plan):
        for line in quote.unpriced:
            assert line.item in said
        assert f"{path}: at least" in (drawn(plan).findtext(f"{SVG}desc") or "")


def test_credits_go_to_the_left_of_nothing() -> None:
    plan = ALL["most without a price, and credits"]
    ends = {
        _piece(tip)[0]: (float(one.get("x", "0")), float(one.get("width", "0")))
        for one in drawn(plan).iter(f"{SVG}rect")
        if (tip := one.findtext(f"{SVG}title")) and tip.startswith("pull by nat_gateway")
    }

    assert sum(ends["credits"]) == pytest.approx(ends["source egress"][0], abs=0.2)


def test_the_bar_of_the_path_that_is_taken_says_so() -> None:
    (said,) = [one for one in shown(AZURE) if one.endswith("taken")]

    assert said == "112,643.98  taken"


# ---- break-even


def test_the_break_even_is_where_both_cost_the_same() -> None:
    """cost.md 5.3, for three zones with standby, in 720 hours instead of 730."""
    found, _ = crossing(AZURE, BOOK)

    assert found is not None
    assert found.gb is not None
    # (411.888 - 108.00) / 0.045, of cost.md 5.1 and 5.2
    assert cents(found.gb) == Decimal("6753.07")
    assert cents(found.gateway.at(found.gb)) == cents(found.instance.at(found.gb))
    assert any(one.startswith("break-even 6,753.07 GB") for one in shown(AZURE))


def test_the_mark_of_the_break_even_stands_on_both_curves() -> None:
    curves = [_points(one) for one in drawn(AZURE).iter(f"{SVG}path") if _is_curve(one)]
    (mark,) = [
        (float(one.get("cx", "0")), float(one.get("cy", "0")))
        for one in drawn(AZURE).iter(f"{SVG}circle")
        if (one.findtext(f"{SVG}title") or "").startswith("break-even")
    ]

    assert len(curves) == 2
    for curve in curves:
        assert _height_at(curve, mark[0]) == pytest.approx(mark[1], abs=1.5)


def _is_curve(path: ElementTree.Element) -> bool:
    return path.get("stroke-width") == "2.5" and path.find(f"{SVG}title") is not None


def _points(path: ElementTree.Element) -> list[tuple[float, float]]:
    pairs = (one.split() for one in path.get("d", "").removeprefix("M").split("L"))
    return [(float(x), float(y)) for x, y in pairs]


def _height_at(curve: list[tuple[float, float]], x: float) -> float:
    for one, other in pairwise(curve):
        if one[0] <= x <= other[0]:
            share = (x - one[0]) / (other[0] - one[0])
            return one[1] + share * (other[1] - one[1])
    raise AssertionError(f"nothing is drawn at {x}")


def test_the_capacity_stands_beside_the_break_even_and_ends_the_curve() -> None:
    """cost.md 5.3: always print v* with the capacity bound beside it."""
    found, _ = crossing(AZURE, BOOK)
    assert found is not None

    # 0.70 x 2 x 5 Gbit/s for 720 hours
    assert cents(found.capacity_gb) == Decimal("2112239.60")
    flag = "capacity 2,112,239.6 GB: 2 left x 70% = 7 Gbit/s"
    assert flag in shown(AZURE)
    (bound,) = [
        one for one in drawn(AZURE).iter(f"{SVG}path") if one.findtext(f"{SVG}title") == flag
    ]
    (curve,) = [
        _points(one)
        for one in drawn(AZURE).iter(f"{SVG}path")
        if _is_curve(one) and one.findtext(f"{SVG}title") == "3 x c7gn.large with standby"
    ]
    assert curve[-1][0] == pytest.approx(_points(bound)[0][0], abs=0.2)


def test_instances_that_are_cheaper_from_the_first_byte_are_said_so_with_their_bound() -> None:
    """cost.md 5.3, t4g.nano: the bound decides, not the price."""
    small = replace(AZURE, nat_instances=NatInstances("t4g.nano", 2, standby=False))

    said = [one for one in shown(small) if "from the first byte" in one]
    # 0.70 x 0.032 Gbit/s for 720 hours
    assert said == ["instances are cheaper from the first byte, up to 6,759.17 GB"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("one instance alone", "one instance alone is no safe path"),
        ("nothing", "no bytes or no gateways are planned"),
        ("most without a price, and credits", "a price of NAT gateways or instances is missing"),
    ],
)
def test_without_a_comparison_the_picture_says_why(name: str, why: str) -> None:
    assert crossing(ALL[name], BOOK)[0] is None
    assert any(why in one for one in shown(ALL[name]))


# ---- dollars against days


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_a_point_and_the_front_is_listed(name: str) -> None:
    plan = ALL[name]
    found = options(plan)
    dots = [one for one in tips(plan, "circle") if not one.startswith("break-even")]

    assert len(dots) == len(found.points)
    for one in found.best:
        least = "at least " if one.quote.at_least else ""
        named = f"{point_name(one)}: {least}{dollars(one.quote.total)}"
        assert any(re.match(rf"[A-Z]+: {re.escape(named)}", text) for text in shown(plan))


def test_the_chosen_option_is_named_with_its_reason() -> None:
    found = options(AZURE)
    assert found.chosen is not None

    said = shown(AZURE)
    assert any(re.fullmatch(f"[A-Z]: {point_name(found.chosen)}", one) for one in said)
    assert " ".join(said).count("(chosen)") == 1
    assert any(one.startswith(f"chosen: {point_name(found.chosen)}, ") for one in said)


def test_where_none_is_chosen_the_picture_says_why() -> None:
    plan = ALL["most without a price, and credits"]

    assert options(plan).chosen is None
    assert f"none is chosen: {why_of(options(plan))}" in shown(plan)


@pytest.mark.parametrize("name", ALL)
def test_the_line_of_the_front_never_costs_more_for_more_time(name: str) -> None:
    for line in _fronts(drawn(ALL[name])):
        for (x, y), (later, lower) in pairwise(line):
            assert later >= x
            assert lower >= y  # further down: fewer dollars


def _fronts(root: ElementTree.Element) -> Iterator[list[tuple[float, float]]]:
    for one in root.iter(f"{SVG}path"):
        if one.get("stroke-width") == "1.5":
            yield _points(one)


# ---- of a command's answer


def test_an_answer_draws_itself_with_its_own_names_and_figures() -> None:
    answer = lakeferry.cost(
        bytes="2 PiB", days="30", source="azure:eastus", target="aws:us-east-1",
        workers="c6in.4xlarge:6",
    )  # fmt: skip
    said = [one.text for one in ElementTree.fromstring(answer.picture()).iter(f"{SVG}text")]

    assert answer.taken is not None
    assert answer.bounded is not None
    assert answer.bounded.gb > 0
    for one in answer.routes:
        assert one.name in said
    least = "at least " if answer.taken.quote.at_least else ""
    assert f"{least}{dollars(answer.taken.quote.total)}  taken" in said
    flag = f"break-even {dollars(answer.bounded.gb)} GB"
    assert any(one and one.startswith(flag) for one in said)


def test_a_command_draws_into_the_file_that_is_named(tmp_path: Path) -> None:
    words = ["--bytes", "2 PiB", "--days", "30", "--from", "azure:eastus", "--to", "aws:us-east-1"]

    ended = called("cost", *words, "--picture", "cost.svg", folder=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert "drawn: cost.svg" in ended.stderr
    check_places(ElementTree.fromstring((tmp_path / "cost.svg").read_text()))


def test_a_picture_that_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    stream = ["--records-a-day", "1000000", "--days", "30", "--to", "aws:us-east-1"]

    for words in (stream, ["--reconcile", "bill.csv"]):
        ended = called("cost", *words, "--picture", "cost.svg", folder=tmp_path)

        assert ended.returncode == 2
        assert "LF-2001" in ended.stderr
        assert not (tmp_path / "cost.svg").exists()
