"""What a streaming query does after a switch. Pure; the rules are Spark's, measured in flows."""

import pytest

from lakeferry.fleet.cutover.stream_ways import ReadPosition, StreamPosition, Switched, stream_ways

MIRROR = Switched("a.s.events", "id", 7, 7, "id", is_mirror=True, txns={"sink": 4})
SNAPSHOT = Switched("a.s.events", "id", 7, 2, "other", is_mirror=False, txns={"sink": 4})
SINK = StreamPosition("/ck/sink", "sink", last_batch=4, last_commit=4)


def reader(version: int, **more: object) -> StreamPosition:
    at = ReadPosition("id", version)
    said = {"last_batch": 3, "last_commit": 3, **more}
    return StreamPosition("/ck/reader", "reader", reads=(at,), **said)  # type: ignore[arg-type]


def does(position: StreamPosition, table: Switched) -> str:
    [found] = stream_ways([position], [table])
    return found.does


@pytest.mark.parametrize("table", [MIRROR, SNAPSHOT])
def test_a_writer_goes_on_as_the_table_remembers_its_batches(table: Switched) -> None:
    assert does(SINK, table) == "continues"
    # Planned and not noted: it runs again, and the table skips what it has.
    assert does(StreamPosition("/ck", "sink", last_batch=5, last_commit=4), table) == "continues"


def test_a_table_that_is_older_than_the_checkpoint_of_its_writer_has_lost_rows() -> None:
    [found] = stream_ways([StreamPosition("/ck", "sink", 6, 6)], [SNAPSHOT])

    assert (found.does, "rows would be lost" in found.why) == ("cannot", True)


def test_a_reader_goes_on_at_a_mirror_wherever_it_stands() -> None:
    assert [does(reader(version), MIRROR) for version in (0, 5, 7, 8)] == ["continues"] * 4
    assert does(reader(9), MIRROR) == "cannot"  # it has read what the mirror lacks


def test_a_reader_that_has_read_all_begins_behind_the_clone() -> None:
    [found] = stream_ways([reader(8)], [SNAPSHOT])

    assert (found.does, found.starting_versions) == ("restart", {"a.s.events": 3})


@pytest.mark.parametrize(
    "position",
    [
        reader(7),  # version 7 is still to be read
        reader(8, last_commit=2),  # its last batch was not noted
        StreamPosition("/ck", "r", 3, 3, (ReadPosition("id", 8, is_initial=True),)),
    ],
)
def test_a_reader_that_has_not_read_all_cannot_go_to_a_snapshot(position: StreamPosition) -> None:
    assert does(position, SNAPSHOT) == "cannot"


def test_a_query_of_other_tables_is_none_of_ours() -> None:
    other = StreamPosition("/ck", "nobody", 1, 1, (ReadPosition("another", 3),))

    assert stream_ways([other], [MIRROR]) == ()


def test_a_query_that_also_reads_other_tables_is_told_so() -> None:
    both = StreamPosition("/ck", "r", 1, 1, (ReadPosition("id", 8), ReadPosition("another", 3)))

    [found] = stream_ways([both], [MIRROR])

    assert (found.does, "1 table that it reads is not switched" in found.why) == (
        "continues", True
    )  # fmt: skip
