"""Direct, by CloudFormation, by Terraform: the same resources, property by property."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace

import pytest

from lakeferry.connect.aws import client
from lakeferry.monitor.export.keep_instances import instance_keeper
from lakeferry.monitor.export.keep_rules import keeper
from lakeferry.monitor.export.template import export
from lakeferry.network.nat_resources import NatResource
from lakeferry.network.resources import Alarm, Dashboard, Resource, key_of
from tests.monitor.direct_requests import by_requests
from tests.monitor.networks import Case, arrived, cases, template_of, wanted_of
from tests.monitor.read_back import EventRule, Function, Properties, Read, Stack, aws_id
from tests.monitor.read_back_terraform import Configuration

CASES = cases()
BY_TERRAFORM = [name for name in CASES if name != "tags in rows"]  # no argument: LF-6412


def by_cloudformation(case: Case, *, keep_rules: bool = False) -> list[Read]:
    made = export(template_of(case), case[1], format="cloudformation", keep_rules=keep_rules)
    return list(Stack(json.loads(made.text)).read())


def by_terraform(case: Case, *, keep_rules: bool = False) -> list[Read]:
    made = export(template_of(case), case[1], format="terraform", keep_rules=keep_rules)
    return list(Configuration(json.loads(made.text)).read())


def compared(resources: Iterable[Read]) -> dict[tuple[str, str], dict[str, object]]:
    """Every property that is compared, by resource; texts of JSON as what they say."""
    return {_key(one): _properties(one) for one in resources}


def _key(one: Read) -> tuple[str, str]:
    return (type(one).__name__, one.name) if isinstance(one, Function | EventRule) else key_of(one)


def _properties(one: Read) -> dict[str, object]:
    found: dict[str, object] = {}
    for field in fields(one):
        if field.compare:
            value = getattr(one, field.name)
            is_json = isinstance(value, str) and value.startswith("{")
            found[field.name] = json.loads(value) if is_json else value
    return found


@pytest.fixture
def anybody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Credentials of nobody, and clients that no other test uses."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client.cache_clear()
    yield
    client.cache_clear()


@pytest.mark.usefixtures("anybody")
@pytest.mark.parametrize("name", CASES)
def test_a_direct_apply_asks_for_what_there_shall_be(name: str) -> None:
    case = CASES[name]
    wanted = wanted_of(case).resources

    assert compared(by_requests(wanted, case[1])) == compared(wanted)


@pytest.mark.parametrize("name", CASES)
def test_cloudformation_makes_what_a_direct_apply_makes(name: str) -> None:
    case = CASES[name]

    assert compared(by_cloudformation(case)) == compared(arrived(case).resources)


@pytest.mark.parametrize("name", BY_TERRAFORM)
def test_terraform_makes_what_a_direct_apply_makes(name: str) -> None:
    case = CASES[name]

    assert compared(by_terraform(case)) == compared(arrived(case).resources)


def test_what_watches_endpoints_that_a_template_makes_is_in_it() -> None:
    first = {one.name for one in wanted_of(CASES["all is missing"]).resources}
    read = {one.name for one in by_cloudformation(CASES["all is missing"])}

    assert read - first == {
        f"lakeferry-m1.{start}{kind}"
        for start in ("connections-", "endpoint-", "endpoint-drops.")
        for kind in (
            "databricks-relay", "databricks-workspace", "kinesis-streams", "logs", "sts",
        )
    }  # fmt: skip


@pytest.mark.parametrize("way", [by_cloudformation, by_terraform])
def test_alarms_and_graphs_of_a_new_endpoint_name_its_id_even_where_its_rules_wait(
    way: Callable[[Case], list[Read]],
) -> None:
    network, chosen = CASES["all is missing"]
    read = way((network, replace(chosen, per="eni")))

    (alarm,) = (one for one in read if isinstance(one, Alarm) and "endpoint-drops.sts" in one.name)
    (board,) = (one for one in read if isinstance(one, Dashboard))
    id = aws_id("vpce", "lakeferry-m1.sts")
    assert dict(alarm.metrics[0].dimensions)["VPC Endpoint Id"] == id
    assert f'"VPC Endpoint Id","{id}"' in board.body
    assert not any("endpoint-sts" in one.name for one in read)


@pytest.mark.parametrize("name", BY_TERRAFORM)
def test_with_the_keeper_of_rules_both_templates_make_the_same(name: str) -> None:
    case = CASES[name]
    stack = compared(by_cloudformation(case, keep_rules=True))

    assert stack == compared(by_terraform(case, keep_rules=True))
    made = keeper(template_of(case), case[1]).resources
    nodes = instance_keeper(template_of(case), case[1])
    more = nodes.resources if nodes else ()
    assert stack == stack | compared((*arrived(case).resources, *made, *more))
    beside = 3 + (2 if nodes else 0)  # functions and what starts them
    assert len(stack) == len(arrived(case).resources) + len(made) + len(more) + beside


def test_the_keeper_may_be_started_by_both_of_its_triggers() -> None:
    read = by_cloudformation(CASES["all there is"], keep_rules=True)
    triggers = [one for one in read if isinstance(one, EventRule)]

    assert sorted(one.schedule for one in triggers) == ["", "rate(5 minutes)"]
    assert sorted(bool(one.pattern) for one in triggers) == [False, True]
    assert all(one.may_invoke and one.state == "ENABLED" for one in triggers)


def test_a_dashboard_bears_its_tags_where_it_can() -> None:
    """They are not compared, since AWS and Terraform had none for long."""
    (board,) = (
        one for one in by_cloudformation(CASES["all there is"]) if isinstance(one, Dashboard)
    )

    assert board.tags == CASES["all there is"][1].all_tags


# ---- the judge is judged: whatever is dropped is missed

UNREADABLE = (
    AssertionError,
    IndexError,
    KeyError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)
RICH = (
    "all is missing",
    "tags in rows",
    "flow logs to S3 too",
    "logs for ever, encrypted",
    "many who are told",
)


@pytest.mark.parametrize("name", RICH)
def test_a_property_that_cloudformation_lost_is_missed(name: str) -> None:
    case = CASES[name]
    text = export(template_of(case), case[1], format="cloudformation", keep_rules=True).text
    whole = compared(Stack(json.loads(text)).read())
    unseen = set()
    for id, one in _of_each_form(json.loads(text)["Resources"]).items():
        for key in (*one["Properties"], *(one.keys() & {"DependsOn", "Condition"})):
            template = json.loads(text)
            changed = template["Resources"][id]
            del (changed if key in changed else changed["Properties"])[key]
            if _reads_the_same(lambda it: Stack(it).read(), template, whole):
                unseen.add((one["Type"], key))
    assert unseen == set()


@pytest.mark.parametrize("name", [name for name in RICH if name in BY_TERRAFORM])
def test_an_argument_that_terraform_lost_is_missed(name: str) -> None:
    case = CASES[name]
    text = export(template_of(case), case[1], format="terraform", keep_rules=True).text
    whole = compared(Configuration(json.loads(text)).read())
    unseen = set()
    for type_, labels in json.loads(text)["resource"].items():
        for label, one in _of_each_form(labels).items():
            for key in one:
                configuration = json.loads(text)
                del configuration["resource"][type_][label][key]
                if _reads_the_same(lambda it: Configuration(it).read(), configuration, whole):
                    unseen.add((type_, key))
    assert unseen == set()


def _of_each_form(resources: Properties) -> Properties:
    """One resource of each type and set of properties: others lose theirs no other way."""
    forms = {(one.get("Type"), *one.get("Properties", one)): id for id, one in resources.items()}
    return {id: resources[id] for id in forms.values()}


def _reads_the_same(
    read: Callable[[Properties], Iterator[Read]],
    changed: Properties,
    whole: dict[tuple[str, str], dict[str, object]],
) -> bool:
    try:
        return compared(read(changed)) == whole
    except UNREADABLE:
        return False


def test_every_kind_of_resource_is_in_some_case() -> None:
    kinds = {type(one) for case in CASES.values() for one in wanted_of(case).resources}

    assert kinds == set(Resource.__args__) - set(NatResource.__args__)
