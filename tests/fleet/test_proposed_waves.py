"""Waves and families that a discovery proposes: small first, streams whole, addresses once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.discovery.discovered import Discovered
from lakeferry.fleet.manifest.proposed_families import ProposedSource, propose_families
from lakeferry.fleet.manifest.proposed_waves import propose_waves

GB, TB = 10**9, 10**12


def table(name: str, size: int | None = GB, **other: object) -> Discovered:
    source, schema, one = name.split(".")
    found = Discovered(source, schema, one, "delta", f"s3://{source}/{schema}/{one}", bytes=size)
    return replace(found, **other)  # type: ignore[arg-type]


def waves_of(*found: Discovered) -> dict[str, int]:
    """source.schema.table -> wave."""
    return {f"{one.source}.{one.name}": n for one, n in propose_waves(found).of_table.items()}


def test_a_few_small_tables_are_the_pilot_and_what_takes_hours_comes_last() -> None:
    many = [table(f"a.x.t{number}", 100 * GB) for number in range(50)]
    found = (table("a.x.tiny", 1000), table("a.x.small", GB), *many, table("a.x.huge", 3 * TB))

    proposal = propose_waves(found)

    assert [(one.title, one.tables) for one in proposal.waves] == [
        ("pilot", 2), ("core", 50), ("volume", 1),
    ]  # fmt: skip
    assert waves_of(*found)["a.x.huge"] == 3


def test_tables_of_one_stream_stay_together_though_one_of_them_is_small() -> None:
    found = (
        table("a.x.tiny", 10),
        table("a.x.read", 20, id="r"),
        table("a.x.written", 3 * TB, streams=("q",)),
        table("a.x.other", 3 * TB, streams=("q",)),
        *(table(f"a.x.t{number}", GB) for number in range(30)),
        table("a.x.checkpoint", None, kind="checkpoint", query_id="q", reads=("r",),
              is_in_scope=False),
    )  # fmt: skip

    waves = waves_of(*found)

    assert waves["a.x.read"] == waves["a.x.written"] == waves["a.x.other"] == 3
    assert waves["a.x.tiny"] == 1
    assert "a.x.checkpoint" not in waves
    assert propose_waves(found).bound == 3


def test_nothing_blocked_and_nothing_of_unknown_size_is_tried_first() -> None:
    waves = waves_of(
        table("a.x.blocked", 1, blocker="LF-3001"), table("a.x.unknown", None),
        table("a.x.good", 10), table("a.x.more", GB),
    )  # fmt: skip

    assert waves == {"a.x.good": 1, "a.x.blocked": 2, "a.x.unknown": 2, "a.x.more": 2}


def test_from_four_sources_on_a_source_is_not_torn_apart() -> None:
    waves = waves_of(
        *(table(f"{source}.x.t{number}", size) for source, size in
          (("a", 1), ("b", GB), ("c", GB), ("d", 800 * GB)) for number in range(3)),
    )  # fmt: skip

    assert {name[0]: wave for name, wave in waves.items()} == {"a": 1, "b": 1, "c": 1, "d": 3 - 1}


def test_a_lake_of_one_table_is_one_wave() -> None:
    assert waves_of(table("a.x.t")) == {"a.x.t": 1}


TABLES = st.lists(
    st.builds(
        table,
        st.sampled_from([f"{a}.{b}.{c}" for a in "abcde" for b in "xy" for c in "pqr"]),
        st.none() | st.integers(0, 5 * TB),
        streams=st.lists(st.sampled_from(["1", "2"]), max_size=2).map(tuple),
    ),
    unique_by=lambda one: (one.source, one.name), max_size=30,
)  # fmt: skip


@given(TABLES)
def test_every_table_has_one_wave_and_no_stream_has_two(found: list[Discovered]) -> None:
    proposal = propose_waves(found)

    assert set(proposal.of_table) == set(found)
    assert sum(one.tables for one in proposal.waves) == len(found)
    assert [one.number for one in proposal.waves] == list(range(1, len(proposal.waves) + 1))
    for app in ("1", "2"):
        assert len({proposal.of_table[one] for one in found if app in one.streams}) <= 1


# ---- families

SHARED = ("connection", "from")


def families(*sources: ProposedSource) -> dict[str, tuple[str, dict[str, str]]]:
    """Family -> its address, and the word of each source."""
    kinds = {one.name: "s3" for one in sources}
    found = propose_families(sources, SHARED, kinds)
    return {one.name: (one.root, dict(one.words)) for one in found}


def test_sources_whose_names_stand_in_their_addresses_share_a_family() -> None:
    found = families(
        ProposedSource("sales", "s3://sales-lake"), ProposedSource("hr", "s3://hr-lake"),
        ProposedSource("odd", "s3://somewhere"),
    )  # fmt: skip

    assert found == {"s3": ("s3://{name}-lake", {"hr": "", "sales": ""})}


def test_three_that_differ_in_one_word_share_one_with_a_word_for_each() -> None:
    found = families(
        *(ProposedSource(f"dc-{area}", f"hdfs://dc1/warehouse/{area[::-1]}")
          for area in ("ab", "cd", "ef"))
    )  # fmt: skip

    assert found == {
        "s3": ("hdfs://dc1/warehouse/{part}", {"dc-ab": "ba", "dc-cd": "dc", "dc-ef": "fe"})
    }


def test_sources_with_other_connections_share_none() -> None:
    one, other = {"connection": "x"}, {"connection": "y"}

    assert not families(
        ProposedSource("a", "s3://a-lake", one), ProposedSource("b", "s3://b-lake", other)
    )


def test_two_families_of_a_kind_have_two_names() -> None:
    found = families(
        *(ProposedSource(name, f"s3://{name}-lake") for name in ("a", "b")),
        *(ProposedSource(name, f"s3://{name}-old", {"connection": "x"}) for name in ("c", "d")),
    )

    assert sorted(found) == ["s3", "s32"]
