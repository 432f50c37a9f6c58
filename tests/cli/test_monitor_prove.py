"""`monitor prove` as typed: where rules and logs come from, and what is said of them."""

import json
from pathlib import Path
from typing import Any

from tests.cli.program import Ended, called, json_lines
from tests.cli.test_monitor_refusals import HEADER, ROW, rule

ROWS = HEADER + ROW * 3


def prove(folder: Path, *words: str, rules: Any = None, **more: Any) -> Ended:
    (folder / "rules.json").write_text(json.dumps(rules or {"by-source": rule()}))
    return called("monitor", "prove", "rules.json", *words, folder=folder, **more)


def test_rows_come_on_standard_input_too(tmp_path: Path) -> None:
    ended = prove(tmp_path, "-", input=ROWS)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "by-source  300 of bytes" in ended.stdout


def test_options_may_stand_before_and_after_standard_input(tmp_path: Path) -> None:
    for words in (("-", "--period", "300", "--json"), ("--json", "--period", "300", "-")):
        ended = prove(tmp_path, *words, input=ROWS)

        (report,) = [one for one in json_lines(ended) if one["type"] == "rule_report"]
        assert (report["period"], report["report"]["AggregateValue"]) == (300, 300)


def test_an_option_that_is_misspelt_is_no_place_of_logs(tmp_path: Path) -> None:
    ended = prove(tmp_path, "a.log", "--peroid", "60")

    assert ended.returncode == 2
    assert "--peroid" in ended.stderr
