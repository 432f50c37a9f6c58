"""What COPY INTO and Auto Loader do after a switch. Pure."""

import pytest

from lakeferry.fleet.cutover.load_ways import LoadedTable, load_ways
from lakeferry.fleet.cutover.stream_ways import StreamPosition

NOW = 1_790_000_000_000
FILES = ("s3://land/orders/1.json", "s3://land/orders/2.json", "s3://land/other/3.json")
TABLE = LoadedTable("a.s.orders", "atlas.s.orders", objects=1, addresses=FILES)
LOADER = StreamPosition("/ck", "q", 1, 1, is_auto_loader=True)
FILE_SOURCE = StreamPosition("/ck", "q", 1, 1, landing=FILES, landing_files=3)


def ways(*moved: str, table: LoadedTable = TABLE) -> list[tuple[str, int | None]]:
    return [(one.does, one.files) for one in load_ways([table], [], moved, now_ms=NOW)]


def test_a_load_goes_on_where_it_reads_the_same_addresses() -> None:
    assert ways() == ways("s3://elsewhere") == [("continues", 0)]


@pytest.mark.parametrize("moved", ["s3://land/orders", "s3a://land/orders/", "s3n://land/orders"])
def test_files_of_a_moved_landing_zone_are_counted(moved: str) -> None:
    assert ways(moved) == [("reloads", 2)]


def test_a_part_of_a_name_is_no_folder() -> None:
    assert ways("s3://land/ord") == [("continues", 0)]


def test_a_state_that_cannot_be_read_is_taken_to_be_of_what_moves() -> None:
    opaque = LoadedTable("t", "t", objects=412)

    assert ways("s3://land", table=opaque) == [("reloads", 412)]
    assert ways(table=opaque) == [("continues", 0)]


def test_a_state_that_is_another_at_the_target_cannot_go_on() -> None:
    assert ways(table=LoadedTable("t", "t", 3, is_carried=False)) == [("cannot", None)]


def test_the_statement_takes_only_what_landed_after_the_switch() -> None:
    [found] = load_ways([TABLE], [], ["s3://land"], now_ms=NOW)

    assert found.statement == (
        "COPY INTO atlas.s.orders FROM '<new address>' FILEFORMAT = <as before> "
        "FORMAT_OPTIONS ('modifiedAfter' = '2026-09-21T14:13:20Z')"
    )


def test_an_auto_loader_whose_files_nobody_can_list_may_reload_all() -> None:
    [moved] = load_ways([], [LOADER], ["s3://land"], now_ms=NOW)
    [stays] = load_ways([], [LOADER], [], now_ms=NOW)

    assert (moved.kind, moved.does, moved.files) == ("Auto Loader", "reloads", None)
    assert stays.does == "continues"


@pytest.mark.parametrize(
    ("reads", "moved", "does"),
    [
        ("abfss://land@a.dfs.core.windows.net/orders", "abfss://land@a.dfs.core.windows.net",
         "reloads"),
        ("s3://land/orders/*/in", "s3://land/orders/2026", "reloads"),
        ("s3://land/orders", "s3://land/ord", "continues"),
        ("/mnt/landing/orders", "s3://land/other", "reloads"),  # whose mount may lie anywhere
    ],
)  # fmt: skip
def test_an_auto_loader_that_notes_its_folder_is_told_from_others(
    reads: str, moved: str, does: str
) -> None:
    notes = StreamPosition("/ck", "q", 1, 1, is_auto_loader=True, inputs=(reads,))

    [found] = load_ways([], [notes], [moved], now_ms=NOW)

    assert (found.does, found.files) == (does, 0 if does == "continues" else None)
    assert ("cloud_files_state('/ck')" in found.statement) == (does == "reloads")


def test_a_file_source_counts_what_it_has_read() -> None:
    [moved] = load_ways([], [FILE_SOURCE], ["s3://land/orders"], now_ms=NOW)
    [other] = load_ways([], [FILE_SOURCE], ["s3://other"], now_ms=NOW)

    assert (moved.does, moved.files, other.does) == ("reloads", 2, "continues")


def test_a_query_without_files_is_no_load() -> None:
    assert load_ways([], [StreamPosition("/ck", "q", 1, 1)], ["s3://land"], now_ms=NOW) == ()
