"""Logs run over by rules, and left when that is asked for."""

import json
from pathlib import Path
from threading import Event

import pytest

from lakeferry.monitor.proof.prove_logs import evaluate_logs
from lakeferry.network.rules import parse_rule

BODY = {
    "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
    "LogGroupNames": ["/app"],
    "LogFormat": "JSON",
    "Contribution": {"Keys": ["$.user"], "Filters": []},
    "AggregateOn": "Count",
}


def test_events_of_json_are_left_too_when_a_run_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(json.dumps({"timestamp": 1, "user": "ana"}))
    stop = Event()
    stop.set()

    with pytest.raises(KeyboardInterrupt):
        evaluate_logs(str(tmp_path), [parse_rule("by-user", json.dumps(BODY))], stop=stop)
