"""Texts are looked at once, however many batches repeat them."""

import numpy as np
import pyarrow as pa

from lakeferry.network.flow_rows import FlowRows, named
from lakeferry.network.known_texts import KnownTexts
from lakeferry.network.members import Members

ASKED: list[str | None] = []


def length(text: str | None) -> int:
    ASKED.append(text)
    return len(text or "")


def family(text: str | None) -> str | None:
    return None if text is None else text[:1]


def test_each_text_is_looked_at_once() -> None:
    known = KnownTexts()
    ASKED.clear()

    first, second, third = (
        known.numbers(texts) for texts in (["aa", "b", "aa", None], ["b", "cccc"], ["cccc", "aa"])
    )
    answers = [known.answers(length)[numbers] for numbers in (first, second, third)]

    assert [list(one) for one in answers] == [[2, 1, 2, 0], [1, 4], [4, 2]]
    assert ASKED == [None, "aa", "b", "cccc"]


def test_texts_of_one_name_have_one_code() -> None:
    known = KnownTexts()
    numbers = known.numbers(["ab", "ac", None, "b"])
    codes, names = known.named(family)
    more = known.numbers(["bc"])
    later, all_names = known.named(family)

    assert [names[code] for code in codes[numbers]] == ["a", "a", None, "b"]
    assert [all_names[code] for code in later[more]] == ["b"]


def test_too_much_is_forgotten_between_batches_and_answers_stay_right() -> None:
    known = KnownTexts(most=4)
    for number in range(50):
        text = f"10.0.0.{number}"
        batch = pa.RecordBatch.from_pydict({"interface_id": ["eni-1"], "srcaddr": [text],
                                            "dstaddr": ["10.0.1.1"]})  # fmt: skip
        rows = FlowRows(batch, Members(inside=("10.0.0.0/24",)), known)

        assert list(rows.inside("srcaddr")) == [True]
        assert list(rows.inside("dstaddr")) == [False]
        assert len(known) < 10


def test_a_dictionary_of_names_holds_those_alone_that_a_batch_uses() -> None:
    found = named(["a", "b", None, "a", "unused"], np.array([0, 3, 2, 1]))

    assert found.to_pylist() == ["a", "a", None, "b"]
    assert found.dictionary.to_pylist() == ["a", "b"]
