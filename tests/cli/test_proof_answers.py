"""How a proof of many tables ends, as people read it."""

from lakeferry.cli.fleet.proof_answers import Ended, report_lines
from lakeferry.fleet.proof.run import ProveRequest
from tests.ledger.lakes import table


def test_what_could_not_be_compared_says_what_to_do_and_claims_no_strength() -> None:
    ended = Ended((), ((table("sales.orders"), "it is failed"),), ProveRequest(), None, 1.0)

    lines = report_lines(ended)

    assert lines[0].endswith("sales.orders  not compared: it is failed")
    assert lines[1:2] == ["      next: lakeferry explain sales.orders"]
    assert lines[2].endswith("0 identical, 1 not compared, 1.0 s")
