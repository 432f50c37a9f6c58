"""`cost --observe` on a folder of flow logs, with a network that was saved."""

import csv
import shutil
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakeferry.cost.path.money import exact
from lakeferry.network.fields import CONNECTION_FORMAT
from lakeferry.network.generated_flows import generated_flows
from lakeferry.network.generated_rows import generated_log
from lakeferry.network.resources import PrefixList
from lakeferry.network.saved_topology import topology_text
from tests.cli.program import Ended, called, json_lines
from tests.corpora import required
from tests.network.sample_scenario import NAT_GATEWAY, SAMPLE, topology

BYTES = 22_020_842_044  # as `monitor top` counts them
LEAK = {NAT_GATEWAY: 621_319_811, "i-e06342a37b9aace83": 508_826_010}
GIB = 2**30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Flow logs in `logs`, and the network in `network.json`."""
    required(SAMPLE)
    (tmp_path / "logs").mkdir()
    for file in (SAMPLE / "custom").rglob("*.gz"):
        shutil.copy(file, tmp_path / "logs")
    (tmp_path / "network.json").write_bytes(topology_text(topology()))
    return tmp_path


def observed(folder: Path, *words: str, logs: str = "logs") -> Ended:
    saved = ("--observe", "-", "--topology", "network.json", "--logs", logs)
    return called("cost", *saved, *words, folder=folder)


def lines_of(ended: Ended, kind: str) -> list[dict[str, Any]]:
    return [one for one in json_lines(ended) if one["type"] == kind]


def choices(ended: Ended) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["path"], one["destination"]): one for one in lines_of(ended, "choice")}


@exact()
def gateway_usd(size: int) -> Decimal:
    """What a NAT gateway takes for bytes: 0.045 for each 2^30 of them."""
    return Decimal(size) / GIB * Decimal("0.045")


def test_every_byte_that_top_shows_crosses_a_path_and_is_of_one_group(folder: Path) -> None:
    ended = observed(folder, "--json")
    saved = ("--topology", "network.json", "--json", "--limit", "99")
    top = json_lines(called("monitor", "top", "logs", *saved, folder=folder))

    shown = {(one["path"], one["device"]): one for one in top if one["type"] == "flow"}
    crossing = {(one["path"], one["device"]): one for one in lines_of(ended, "crossing")}

    assert {key: one["bytes"] for key, one in shown.items()} == {
        key: int(one["bytes"]) for key, one in crossing.items()
    }
    assert {key: one["leak_bytes"] for key, one in shown.items()} == {
        key: int(one["leak_bytes"]) for key, one in crossing.items()
    }
    assert sum(int(one["bytes"]) for one in lines_of(ended, "choice")) == BYTES
    assert json_lines(ended)[-1]["bytes"] == str(BYTES) == str(top[-1]["bytes"])


@pytest.mark.parametrize("end", ["worker", "remote"])
def test_the_greatest_workers_and_far_ends_of_a_path_are_named(folder: Path, end: str) -> None:
    crossing = {one["device"]: one for one in lines_of(observed(folder, "--json"), "crossing")}
    saved = ("--topology", "network.json", "--json", "--limit", "99", "--by", end)
    top = json_lines(called("monitor", "top", "logs", *saved, folder=folder))

    ranked = [one for one in top if one["type"] == "flow" and one["device"] == NAT_GATEWAY]
    assert crossing[NAT_GATEWAY][f"{end}s"] == [
        {"name": one["key"], "bytes": str(one["bytes"])} for one in ranked[:3]
    ]


def test_a_log_that_names_no_services_tells_the_leak_by_device(folder: Path) -> None:
    lists = (PrefixList("pl-s3", "com.amazonaws.us-east-1.s3", ("52.216.0.0/15",)),)
    network = replace(topology(), found=replace(topology().found, prefix_lists=lists))
    (folder / "network.json").write_bytes(topology_text(network))

    ended = observed(folder, "--json", logs=str(SAMPLE / "v2"))
    leaks = {one["device"]: int(one["leak_bytes"]) for one in lines_of(ended, "crossing")}

    assert leaks[NAT_GATEWAY] == LEAK[NAT_GATEWAY]
    said = observed(folder, logs=str(SAMPLE / "v2")).stdout
    assert "leak of" in said


def test_the_leak_is_the_known_one_and_has_its_price(folder: Path) -> None:
    ended = observed(folder, "--json")
    summary = json_lines(ended)[-1]
    leaks = {one["device"]: int(one["leak_bytes"]) for one in lines_of(ended, "crossing")}

    assert {device: size for device, size in leaks.items() if size} == LEAK
    # Only the gateway's bytes are paid for.
    assert Decimal(summary["leak_usd"]) == gateway_usd(LEAK[NAT_GATEWAY])
    assert "gateway endpoint for S3" in summary["leak_remedy"]


def test_s3_takes_the_gateway_endpoint_whatever_carries_it_now(folder: Path) -> None:
    found = choices(observed(folder, "--json"))

    to_s3 = {path: one for (path, leads_to), one in found.items() if leads_to == "s3"}
    assert to_s3.keys() == {"s3_gateway", "s3_interface", "nat_gateway", "nat_instance"}
    assert {one["chosen"] for one in to_s3.values()} == {"s3_gateway"}
    # What the gateway endpoint saves is what the bytes cost by the gateway that stays for others.
    month = LEAK[NAT_GATEWAY] * 2160  # 20 minutes are a 2160th of 720 hours
    assert Decimal(to_s3["nat_gateway"]["saves_usd"]) == gateway_usd(month)


def test_a_service_keeps_its_endpoint_where_that_is_cheaper_than_the_gateway(folder: Path) -> None:
    kinesis = choices(observed(folder, "--json"))["kinesis", "aws_service"]

    # 2 zones x 0.01 x 720 hours over 0.045 - 0.01 a GB.
    assert Decimal(kinesis["break_even_gb"]).quantize(Decimal("0.01")) == Decimal("411.43")
    assert (kinesis["chosen"], kinesis["now"]) == ("interface_endpoint", "interface_endpoint")
    assert kinesis["saves_usd"] is None


def test_instances_win_by_what_the_gateway_takes_for_bytes(folder: Path) -> None:
    one = choices(observed(folder, "--json"))["nat_gateway", "internet"]
    options = {option["path"]: option for option in one["options"]}

    with exact():
        gateway = gateway_usd(int(one["month_bytes"])) + Decimal("0.05") * 720
        instances = gateway - Decimal(options["nat_instance"]["usd"])
    assert one["chosen"] == "nat_instance"
    assert Decimal(options["nat_gateway"]["usd"]) == gateway == Decimal(one["now_usd"])
    assert Decimal(one["wins_by_usd"]) == instances == Decimal(one["saves_usd"])
    assert options["internet_gateway"]["set_aside"].startswith("its subnets are private")
    assert "no price is known" in options["direct_connect"]["set_aside"]


def test_what_is_typed_of_a_plan_holds_here_too(folder: Path) -> None:
    dear = observed(folder, "--price", "aws.natgw.gb.us-east-1=0.09", "--json")
    refused = observed(folder, "--policy", "no-instance", "--json")
    named = observed(folder, "--nat-instances", "c7gn.large:2", "--json")

    with exact():
        twice = 2 * gateway_usd(LEAK[NAT_GATEWAY])
    assert Decimal(json_lines(dear)[-1]["leak_usd"]) == twice
    assert choices(refused)["nat_gateway", "internet"]["chosen"] == "nat_gateway"
    assert choices(named)["nat_gateway", "internet"]["instances"] == "2 x c7gn.large"


def test_people_read_paths_leak_and_each_groups_options(folder: Path) -> None:
    ended = observed(folder)
    said = ended.stdout

    assert ended.returncode == 0
    assert said.splitlines()[0].split() == [
        "path", "through", "GB", "share", "S3", "USD", "most", "of", "it",
    ]  # fmt: skip
    assert "leak of 1.05 GB to and from S3 through NAT: 0.03 USD" in said
    assert "next: give the VPC a gateway endpoint for S3" in said
    assert "one may be lost" in said
    assert "with one instance lost for 10 min" in said
    assert "AWS left records out: 2 rows of SKIPDATA" in said


def test_what_is_in_a_total_is_named_beside_it(folder: Path) -> None:
    trouble = ("--failures-a-month", "0.2", "--delay-usd-hour", "120")
    ended = observed(folder, *trouble, "--from", "azure:westeurope", "--json")
    said = observed(folder, *trouble, "--from", "azure:westeurope").stdout

    for one in lines_of(ended, "choice"):
        for option in one["options"]:
            parts = ("fixed_usd", "data_usd", "delay_usd", "risk_usd", "leaving_usd")
            with exact():
                total = sum(Decimal(option[part]) for part in parts)
            assert Decimal(option["usd"]) == total
    assert "failures 4.00" in said
    assert "egress -" in said  # of the circuit, less than what leaves to the internet


def test_options_come_as_csv(folder: Path) -> None:
    rows = list(csv.DictReader(observed(folder, "--csv", "-").stdout.splitlines()))

    chosen = {(one["path"], one["destination"]): one for one in rows if one["chosen"] == "True"}
    assert chosen["nat_gateway", "s3"]["option"] == "s3_gateway"
    assert all(one["total"] for one in rows)


# ---- a log that was made up, with its truth beside it

MINUTES, START = 120, 1_795_000_000 // 60 * 60
RATES = {"nat_gateway": 30_000_000_000, "nat_instance": 600_000_000}  # bytes a minute


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    (tmp_path / "network.json").write_bytes(topology_text(topology()))
    text = generated_log(topology(), CONNECTION_FORMAT, start_s=START, minutes=MINUTES, rates=RATES)
    (tmp_path / "made.log").write_bytes(b"".join(text))
    return tmp_path


def test_a_generated_log_gives_back_the_bytes_that_were_put_into_it(generated: Path) -> None:
    put: Counter[tuple[str, str]] = Counter()
    for flow in generated_flows(topology(), start_s=START, minutes=MINUTES, rates=RATES):
        if flow.path in ("nat_gateway", "nat_instance"):
            put[flow.path, "s3" if flow.is_s3 else "internet"] += flow.up + flow.down

    found = choices(observed(generated, "--json", logs="made.log"))

    assert {key: int(found[key]["bytes"]) for key in put} == dict(put)


def test_instances_are_sized_for_the_rate_with_one_of_them_lost(generated: Path) -> None:
    one = choices(observed(generated, "--json", logs="made.log"))["nat_gateway", "internet"]

    busiest = int(one["busiest_bytes_a_minute"])
    count, _, kind = one["instances"].partition(" x ")
    assert busiest == pytest.approx(31_500_000_000, rel=0.01)  # what is pulled, and a twentieth
    assert int(count) >= 2
    # 4.2 Gbit/s within 0.70 of what the others sustain.
    assert kind
    assert busiest * 8 / 60 / 1e9 <= 0.70 * (int(count) - 1) * _gbps(kind)


def _gbps(kind: str) -> float:
    from lakeferry.cost.prices.price_file import own_book

    return float(own_book().instance_types[kind].card0_gbps)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--logs", "nowhere"), "LF-6205"),
        (("--topology", "missing.json"), "LF-6253"),
        (("--last", "soon"), "LF-2001"),
        (("--since", "2026-11-24", "--until", "2026-11-23"), "LF-2001"),
        (("--format", "bogus"), "LF-6201"),
        (("--price", "aws.natgw.gbs.us-east-1=1"), "LF-6624"),
        (("--nat-instances", "t9.huge:2"), "LF-6502"),
        (("--since", "2030-01-01T00:00:00Z"), "LF-6"),  # no rows of that time
    ],
)
def test_a_wrong_question_is_refused(folder: Path, words: tuple[str, ...], code: str) -> None:
    usual = {"--topology": "network.json", "--logs": "logs"}
    given = [word for name, one in usual.items() if name not in words for word in (name, one)]

    ended = called("cost", "--observe", "-", *given, *words, folder=folder)

    assert ended.returncode == 2, ended.stderr
    assert code in ended.stderr
    assert "next: " in ended.stderr


@pytest.mark.parametrize("words", [("plan.yaml",), ("--picture", "cost.svg")])
def test_a_plan_and_a_look_are_two_questions(folder: Path, words: tuple[str, ...]) -> None:
    ended = called("cost", *words, "--observe", "-", "--topology", "network.json", folder=folder)

    assert (ended.returncode, "is for the price of a plan" in ended.stderr) == (2, True)


def test_a_network_that_was_saved_of_another_vpc_is_refused(folder: Path) -> None:
    saved = ("--topology", "network.json", "--logs", "logs")
    ended = called("cost", "--observe", "vpc-1", *saved, folder=folder)

    assert (ended.returncode, "LF-2001" in ended.stderr) == (2, True)


@pytest.mark.parametrize("width", [60, 80])
def test_what_flowed_fits_a_narrow_screen(folder: Path, width: int) -> None:
    saved = ("--observe", "-", "--topology", "network.json", "--logs", "logs")
    told = called("cost", *saved, folder=folder, COLUMNS=str(width)).stdout

    assert max(map(len, told.splitlines())) <= width


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("--days", "3"), "--days"),
        (("--bytes", "2 PiB"), "--bytes"),
        (("--assume", "overhead=3%"), "--assume overhead"),
        (("--route", "nat-gateway"), "--route"),
    ],
)
def test_what_the_flow_says_itself_is_not_given(
    folder: Path, words: tuple[str, ...], flag: str
) -> None:
    ended = observed(folder, *words)

    assert ended.returncode == 2
    assert f"LF-2001 {flag} is for the price of a plan" in ended.stderr
