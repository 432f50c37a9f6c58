"""Names as they are typed into a shell, and read back by a selection."""

import shlex

import pytest

from lakeferry.fleet.manifest.select import TableFacts, selection
from lakeferry.fleet.manifest.typed import typed


@pytest.mark.parametrize(
    "table", ["orders", "x;y", "`bt`", "$(rm)", "a b", "o'x\"", "two,one", "all*", "w?", "back\\s"]
)
def test_what_is_pasted_means_that_table_and_runs_nothing_else(table: str) -> None:
    facts = TableFacts("key", "a", "sales", table)
    other = TableFacts("key", "a", "sales", "others")

    [word] = shlex.split(typed(facts.name))
    chosen = selection([word], lambda name: name)

    assert (chosen.means(facts), chosen.means(other)) == (True, False)


def test_a_plain_name_is_typed_as_it_is() -> None:
    assert typed("a.sales.orders-2024_v1") == "a.sales.orders-2024_v1"
