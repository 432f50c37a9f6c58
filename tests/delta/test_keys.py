import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.delta.actions import FILE_SCHEMA
from lakeferry.delta.files import logical_keys
from lakeferry.delta.keys import Keys, KeySet, file_keys, vector_ids

from .tables import vector


def batch(*rows: tuple[str, object]) -> pa.RecordBatch:
    made = [{"path": path, "deletionVector": found} for path, found in rows]
    return pa.RecordBatch.from_pylist(made, schema=FILE_SCHEMA)


def keys(*pairs: tuple[int, int]) -> Keys:
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


def test_a_vector_s_id_is_its_type_place_and_offset() -> None:
    column = batch(("a", vector("x")), ("a", vector("y", offset=None)), ("a", None))

    ids = vector_ids(column.column("deletionVector"))

    assert ids.to_pylist() == ["ux@1", "uy", ""]


def test_files_that_differ_in_path_or_vector_have_different_keys() -> None:
    found = logical_keys(batch(("a", None), ("b", None), ("a", vector("x")), ("a", vector("y"))))

    assert len(set(found.to_pylist())) == 4


def test_two_spellings_of_a_file_have_one_key() -> None:
    root = "s3://b/t"

    found = file_keys(batch(("a%20b", None), ("a b", None), ("s3a://b/t/a%20b", None)), root)

    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()


def test_a_slice_has_the_keys_of_its_rows() -> None:
    whole = batch(("a", vector("x")), ("b", None), ("c", vector("z")))

    assert (file_keys(whole.slice(1), "") == file_keys(whole, "")[1:]).all()


SMALL = st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=16)


@given(st.lists(SMALL, max_size=6), SMALL)
def test_a_set_knows_exactly_what_was_put_in(
    groups: list[set[tuple[int, int]]], asked: set[tuple[int, int]]
) -> None:
    held: set[tuple[int, int]] = set()
    found = KeySet()
    for group in groups:
        found.add(keys(*(group - held)))
        held |= group
    asked_in_order = sorted(asked)

    answer = found.contains(keys(*asked_in_order))

    assert answer.tolist() == [pair in held for pair in asked_in_order]
    assert len(found) == len(held)


def test_no_files_have_no_keys() -> None:
    assert file_keys(batch(), "").shape == (0, 2)
