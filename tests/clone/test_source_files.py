"""Listed files as columns: the same files again and again, and sets of paths as hashes."""

from hypothesis import given
from hypothesis import strategies as st

from lakeferry.clone.source_files import BLOCK, SourceFile, collected, marks_of

PATHS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True)


def file(path: str, size: int = 3) -> SourceFile:
    return SourceFile(path, "", size, None, 7, ("1", None), f"{path}-x")


@given(PATHS)
def test_files_come_back_as_they_went_in_each_time(paths: list[str]) -> None:
    given_files = [file(path, len(path)) for path in paths]

    found = collected(given_files)

    assert list(found) == list(found) == given_files
    assert (len(found), found.bytes) == (len(paths), sum(map(len, paths)))


@given(PATHS, PATHS)
def test_what_lands_where_something_lies_is_left_out(paths: list[str], there: list[str]) -> None:
    left = collected(map(file, paths)).less(marks_of(f"{one}-x" for one in there))

    assert [one.path for one in left] == [one for one in paths if one not in there]
    assert (len(left), left.bytes) == (len(list(left)), 3 * len(left))


@given(PATHS, PATHS)
def test_a_set_of_marks_answers_as_a_set_of_paths(paths: list[str], asked: list[str]) -> None:
    marks = marks_of([*paths, *paths])

    assert list(marks.has(asked)) == [one in paths for one in asked]
    assert len(marks) == len(paths)


def test_more_files_than_are_objects_at_once_keep_their_order() -> None:
    names = [f"{number:06}" for number in range(2 * BLOCK + 1)]

    found = collected(map(file, names))

    assert [one.path for one in found] == names
    assert len(found.less(found.lands)) == 0
