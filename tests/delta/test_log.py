from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeferry.delta.log import (
    LogListing,
    checkpoint_name,
    commit_name,
    crc_name,
    head_version,
    list_log,
    parse_name,
    segment,
)
from lakeferry.errors import FerryError
from lakeferry.store.local import LocalStore
from lakeferry.store.open import open_store
from lakeferry.store.protocol import ObjectMeta

from .tables import write

V = "{:020d}".format


def listing(root: Path, *names: str) -> LogListing:
    for name in names:
        write(root, name, b"")
    return list_log(open_store(str(root)))


def refusal(found: LogListing, version: int | None = None) -> FerryError:
    with pytest.raises(FerryError) as refused:
        segment(found, version)
    return refused.value


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"{V(7)}.json", "commit"),
        (f"{V(7)}.crc", "crc"),
        (f"{V(7)}.checkpoint.parquet", "checkpoint"),
        (f"{V(7)}.checkpoint.0000000001.0000000003.parquet", "checkpoint_part"),
        (f"{V(7)}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json", "checkpoint_v2"),
        (f"{V(7)}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet", "checkpoint_v2"),
        (f"{V(7)}.{V(9)}.compacted.json", "compacted"),
    ],
)
def test_each_kind_of_log_file_is_known_by_its_name(name: str, kind: str) -> None:
    file = parse_name(ObjectMeta(f"_delta_log/{name}", 1))

    assert file is not None
    assert (file.kind, file.version) == (kind, 7)


@pytest.mark.parametrize(
    "name",
    [
        "0.json",
        "2184.json",
        f"{V(7)}.JSON",
        f".{V(7)}.json.crc",
        f"x/{V(7)}.json",
        "_last_checkpoint",
    ],
)
def test_other_names_mean_nothing_to_the_log(name: str) -> None:
    assert parse_name(ObjectMeta(f"_delta_log/{name}", 1)) is None


def test_unknown_things_below_the_log_are_carried_but_side_files_are_not(tmp_path: Path) -> None:
    found = listing(
        tmp_path,
        f"{V(0)}.json",
        f".{V(0)}.json.crc",
        "_last_checkpoint",
        "_copy_into_log/state.bin",
        "_copy_into_log/.state.bin.crc",
        "0.zip",
        "_sidecars/x.parquet",
        "_lakeferry/1-x.json",
        f"_staged_commits/{V(1)}.80a083e8-7026-4e79-81be-64bd76c43a11.json",
        f"_commits/{V(1)}.80a083e8-7026-4e79-81be-64bd76c43a11.json",
    )

    carried = [meta.path for meta in found.others]

    assert carried == ["_delta_log/0.zip", "_delta_log/_copy_into_log/state.bin"]


def test_the_newest_complete_checkpoint_and_the_commits_behind_it_are_chosen(
    tmp_path: Path,
) -> None:
    found = listing(
        tmp_path,
        *(f"{V(version)}.json" for version in range(6)),
        f"{V(2)}.checkpoint.parquet",
        f"{V(4)}.checkpoint.0000000001.0000000002.parquet",
        f"{V(5)}.crc",
    )

    chosen = segment(found)

    assert chosen.end_version == 5
    assert chosen.checkpoint is not None
    assert chosen.checkpoint.version == 2
    assert [file.version for file in chosen.commits] == [3, 4, 5]
    assert chosen.crc is not None


def test_an_older_version_takes_an_older_checkpoint(tmp_path: Path) -> None:
    found = listing(
        tmp_path,
        *(f"{V(version)}.json" for version in range(4, 9)),
        f"{V(4)}.checkpoint.parquet",
        f"{V(8)}.checkpoint.parquet",
    )

    chosen = segment(found, 6)

    assert chosen.checkpoint is not None
    assert chosen.checkpoint.version == 4
    assert [file.version for file in chosen.commits] == [5, 6]


def test_checkpoints_alone_make_a_table(tmp_path: Path) -> None:
    found = listing(tmp_path, f"{V(2)}.checkpoint.parquet")

    assert segment(found).end_version == head_version(found) == 2


def test_a_place_without_a_log_holds_no_table(tmp_path: Path) -> None:
    assert refusal(listing(tmp_path)).code == "LF-2102"


def test_a_log_without_a_commit_is_empty(tmp_path: Path) -> None:
    assert refusal(listing(tmp_path, "_last_checkpoint")).code == "LF-3101"


def test_a_gap_is_refused_and_the_missing_commit_is_named(tmp_path: Path) -> None:
    error = refusal(listing(tmp_path, f"{V(0)}.json", f"{V(1)}.json", f"{V(3)}.json"))

    assert error.code == "LF-3102"
    assert f"{V(2)}.json" in error.where


class ListsLate(LocalStore):
    """Lists what was there before commit 2 was made, and then what came after it."""

    def list(
        self, prefix: str, *, after: str | None = None, recursive: bool = True
    ) -> Iterator[ObjectMeta]:
        found = super().list(prefix, after=after, recursive=recursive)
        return (meta for meta in found if not meta.path.endswith(f"{V(2)}.json"))


def test_a_commit_that_was_made_while_the_log_was_listed_is_no_gap(tmp_path: Path) -> None:
    listing(tmp_path, *(f"{V(version)}.json" for version in range(5)))

    found = list_log(ListsLate(str(tmp_path)))

    assert sorted(found.commits) == [0, 1, 2, 3, 4]
    assert segment(found).end_version == 4


def test_a_version_before_the_gap_can_be_read(tmp_path: Path) -> None:
    found = listing(tmp_path, f"{V(0)}.json", f"{V(1)}.json", f"{V(3)}.json")

    assert segment(found, 1).end_version == 1


def test_a_version_that_was_never_made_is_refused(tmp_path: Path) -> None:
    assert refusal(listing(tmp_path, f"{V(0)}.json"), 5).code == "LF-2105"


def test_a_version_that_was_cleaned_up_is_refused(tmp_path: Path) -> None:
    names = (f"{V(4)}.checkpoint.parquet", f"{V(4)}.json", f"{V(5)}.json")

    assert refusal(listing(tmp_path, *names), 2).code == "LF-2105"


def test_a_log_that_begins_late_without_a_checkpoint_has_a_gap(tmp_path: Path) -> None:
    assert refusal(listing(tmp_path, f"{V(4)}.json")).code == "LF-3102"


def test_a_checkpoint_that_lacks_a_part_is_named_when_nothing_else_is_left(tmp_path: Path) -> None:
    error = refusal(
        listing(tmp_path, f"{V(4)}.checkpoint.0000000002.0000000002.parquet", f"{V(5)}.json")
    )

    assert error.code == "LF-3104"
    assert "0000000002.0000000002" in error.where


def test_parts_of_one_incomplete_checkpoint_alone_are_no_table(tmp_path: Path) -> None:
    error = refusal(listing(tmp_path, f"{V(4)}.checkpoint.0000000001.0000000002.parquet"))

    assert error.code == "LF-3104"


def test_the_names_that_we_write_are_the_names_that_we_know() -> None:
    names = {"commit": commit_name(7), "crc": crc_name(7), "checkpoint": checkpoint_name(7)}
    files = {kind: parse_name(ObjectMeta(f"_delta_log/{name}", 1)) for kind, name in names.items()}

    assert {kind: file and (file.kind, file.version) for kind, file in files.items()} == {
        kind: (kind, 7) for kind in names
    }
