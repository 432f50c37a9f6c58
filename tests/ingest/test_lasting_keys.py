"""Keys are used as long as the service takes them, whatever becomes of who renews them."""

import pytest

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.errors import FerryError
from lakeferry.ingest.kinesis.lasting_keys import AGAIN_S, LastingKeys

OLD, NEW = AwsKeys("OLD", "s"), AwsKeys("NEW", "s")
GONE = FerryError("LF-1202", "the role cannot be taken", "where", "next")


class Renewer:
    """Gives or raises what it is told, and counts how often it was asked."""

    def __init__(self, *answers: AwsKeys | FerryError) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self) -> AwsKeys:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, FerryError):
            raise answer
        return answer


def test_keys_are_those_of_now() -> None:
    keys = LastingKeys(Renewer(OLD, NEW))

    assert [keys(), keys()] == [OLD, NEW]


def test_who_has_no_keys_yet_is_told_why() -> None:
    with pytest.raises(FerryError, match="the role cannot be taken"):
        LastingKeys(Renewer(GONE))()


def test_the_last_keys_stay_where_no_new_ones_come_and_the_reason_is_kept() -> None:
    keys = LastingKeys(Renewer(OLD, GONE))

    assert [keys(), keys()] == [OLD, OLD]
    assert keys.trouble is GONE


def test_new_keys_are_asked_for_now_and_then() -> None:
    now = [0.0]
    renewer = Renewer(OLD, GONE, NEW)
    keys = LastingKeys(renewer, clock=lambda: now[0])

    early = [keys() for _ in range(5)]
    now[0] += AGAIN_S
    late = keys()

    assert early == [OLD] * 5
    assert renewer.asked == 3
    assert (late, keys.trouble) == (NEW, None)
