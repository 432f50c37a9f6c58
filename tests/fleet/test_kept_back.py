"""Commits that a catalog keeps beside the log: what is published is not the newest then."""

import pytest

from lakeferry.errors import FerryError
from lakeferry.fleet.sync.published import refuse_kept_back
from lakeferry.store.open import memory_store
from lakeferry.store.protocol import Store
from tests.fleet import lakes


@pytest.fixture
def store() -> Store:
    """Version 3 is published, of version 4 its catalog alone knows."""
    found = memory_store()
    for version in (3, 4):
        lakes.put(found, f"_delta_log/_staged_commits/{version:020d}.80a083e8.json")
    return found


@pytest.mark.parametrize("protocol", ["3/7", ""])
def test_a_version_that_its_catalog_has_left_behind_is_refused(store: Store, protocol: str) -> None:
    with pytest.raises(FerryError, match="1 of its commits lie with its catalog alone") as refused:
        refuse_kept_back(store, 3, protocol)

    assert refused.value.code == "LF-8051"


def test_a_version_with_nothing_behind_it_is_the_newest(store: Store) -> None:
    refuse_kept_back(store, 4, "3/7")


def test_a_table_of_an_older_protocol_has_no_such_catalog(store: Store) -> None:
    refuse_kept_back(store, 3, "1/2")
