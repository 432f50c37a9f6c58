"""Folders of plain files, told by the highest that holds nothing else."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.fleet.discovery.plain_folders import Plain, PlainFolders


def plain(files: int = 1) -> Plain:
    return Plain(files, 10 * files, Counter(json=files))


def joined(folders: PlainFolders) -> dict[str, int]:
    return {path: one.files for path, one in folders.joined()}


def test_a_landing_zone_is_told_by_its_name_and_not_by_its_hours() -> None:
    folders = PlainFolders()
    for hour in range(24):
        folders.add(f"landing/2024/01/{hour:02}", plain())

    assert joined(folders) == {"landing": 24}


def test_a_folder_that_holds_a_table_as_well_is_told_apart_from_what_lies_beside_it() -> None:
    folders = PlainFolders()
    folders.add("mixed/docs/a", plain())
    folders.add("mixed/docs/b", plain())
    folders.add("mixed", plain(2))
    folders.keep_apart("mixed/orders")

    assert joined(folders) == {"mixed": 2, "mixed/docs": 2}


def test_files_of_the_root_itself_stand_by_themselves() -> None:
    folders = PlainFolders()
    folders.add("", plain())
    folders.add("a/b", plain())

    assert joined(folders) == {"": 1, "a": 1}


paths = st.lists(st.sampled_from("abc"), max_size=5).map("/".join)


@given(st.lists(paths, max_size=60), st.lists(paths, max_size=5), st.integers(1, 8))
def test_no_file_is_lost_however_few_folders_are_kept_apart(
    added: list[str], tables: list[str], most: int
) -> None:
    folders = PlainFolders(most=most)
    for path in tables:
        folders.keep_apart(path)
    for path in added:
        folders.add(path, plain())

    found = list(folders.joined())

    assert sum(one.files for _, one in found) == len(added)
    assert sum(one.bytes for _, one in found) == 10 * len(added)
    assert len(found) <= most
