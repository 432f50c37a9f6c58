"""A saved topology is the same when it is read."""

import orjson
import pytest

from lakeferry.errors import FerryError
from lakeferry.monitor.wanted.desired import desired
from lakeferry.network.saved_topology import read_topology, topology_text
from lakeferry.network.topology import Finding, Topology
from tests.monitor.wishes import full, with_found
from tests.network.sample_scenario import topology


def test_the_sample_s_network_comes_back() -> None:
    saved = topology_text(topology())
    assert read_topology(saved, "t.json") == topology()
    assert topology_text(read_topology(saved, "t.json")) == saved


def test_all_that_can_be_found_comes_back() -> None:
    from lakeferry.network.resources import (
        Alarm,
        CompositeAlarm,
        Dashboard,
        FlowLog,
        InsightRule,
        LogGroup,
        SecurityGroup,
    )

    made = desired(topology(), full()).resources

    def of(kind: type) -> tuple[object, ...]:
        return tuple(one for one in made if isinstance(one, kind))

    whole = with_found(
        flow_logs=of(FlowLog), log_groups=of(LogGroup), rules=of(InsightRule), alarms=of(Alarm),
        composite_alarms=of(CompositeAlarm), dashboards=of(Dashboard),
        security_groups=of(SecurityGroup),
    )  # fmt: skip
    finding = Finding("no-s3-endpoint", "warning", "subnet-1", "what", "next")
    whole = Topology(
        whole.found, whole.scope, whole.workers, whole.nat_gateways, whole.nat_instances,
        whole.paths, (finding,), (topology(),),
    )  # fmt: skip
    assert whole.found.alarms
    assert read_topology(topology_text(whole), "t.json") == whole


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b'{"format":"lakeferry.topology/1"}', b"\xff"],
)
def test_another_file_is_refused(text: bytes) -> None:
    with pytest.raises(FerryError, match=r"LF-6253[^\0]*other\.json"):
        read_topology(text, "other.json")


def test_a_number_where_a_text_belongs_is_refused() -> None:
    body = orjson.loads(topology_text(topology()))
    body["found"]["vpc"]["id"] = 7
    with pytest.raises(FerryError, match="7 is no str"):
        read_topology(orjson.dumps(body), "t.json")


@pytest.mark.parametrize(
    ("key", "wrong", "said"),
    [("cidrs", "10.0.0.0/8", "is no list"), ("cidrs", None, "is no list"),
     ("tags", ["a"], "is no object"), ("tags", 5, "is no object")],
)  # fmt: skip
def test_a_value_of_another_form_is_refused(key: str, wrong: object, said: str) -> None:
    body = orjson.loads(topology_text(topology()))
    body["found"]["vpc"][key] = wrong

    with pytest.raises(FerryError, match=f"LF-6253[^\\0]*{said}"):
        read_topology(orjson.dumps(body), "t.json")
