"""`lakeferry cost` of a plan: the worked examples to the cent, the choice, and how it is shown."""

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from lakeferry.cost.plan.keys import KEYS
from tests.cli.cost_plans import SMALL, WORKED, answer, cost, dollars_of, routes
from tests.cli.program import Ended

US = "us-east-1"
ALIKE = "aws:us-east-1"


def words(ended: Ended) -> str:
    """What was said, without the places where lines were broken."""
    return " ".join(ended.stdout.split())


# ---- facts/cost.md section 8, the worked migration


def test_8_both_totals_come_to_the_last_digit(tmp_path: Path) -> None:
    found = routes(answer(tmp_path, *WORKED))

    assert found["pull nat_gateway"]["usd"] == "210737.2827158819305419921875"
    assert found["pull nat_gateway"]["usd_rounded"] == "210737.28"
    assert found["pull nat_instance"]["usd"] == "113720.2107158819305419921875"
    assert found["pull nat_instance"]["usd_rounded"] == "113720.21"


def test_8_every_line_of_the_gateways(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED)

    def usd(id: str, region: str = US) -> Decimal | None:
        return dollars_of(lines, f"{id}.{region}")

    assert usd("azure.egress.mgn", "eastus") == Decimal("108630.975")
    assert usd("aws.natgw.gb") == Decimal("97320.96")
    assert usd("aws.natgw.hour") == Decimal("97.2")
    assert usd("aws.ipv4.hour") == Decimal("10.8")
    assert usd("aws.s3.put") == Decimal("335.54432")
    assert usd("aws.s3.get") == Decimal("6.7108864")
    assert usd("aws.ec2.hour.c6in.4xlarge") == Decimal("3919.104")
    assert usd("azure.blob.read", "eastus") == Decimal("214.7483648")


def test_8_the_replay_decides_by_97017_072(tmp_path: Path) -> None:
    summary = answer(tmp_path, *WORKED, "--policy", "no-public-ip")[-1]
    decision = summary["decision"]

    assert (decision["chosen"], decision["label"]) == ("nat_instance", "3 x c7gn.large")
    assert round(Decimal(decision["wins_by_usd"]), 20) == Decimal("97017.072")


def test_8_the_tornado_is_sorted_by_size(tmp_path: Path) -> None:
    summary = answer(tmp_path, *WORKED, "--policy", "no-public-ip")[-1]

    assert [
        (one["what"], str(round(Decimal(one["usd"]), 2))) for one in summary["sensitivity"]
    ] == [
        ("Internet routing at the source", "-21348.90"),
        ("2 PB instead of 2 PiB", "-11787.63"),
        ("volume 10 % larger", "10541.46"),
        ("45 instead of 30 days", "2169.10"),
        ("parts of 8 MiB", "1174.41"),
        ("overhead of 8 %", "0.00"),
    ]


def test_8_the_choice_flips_at_a_volume_and_a_duration(tmp_path: Path) -> None:
    summary = answer(tmp_path, *WORKED, "--policy", "no-public-ip")[-1]
    flips = {one["what"]: Decimal(one["at"]) for one in summary["decision"]["flips"]}

    assert round(flips["bytes"] / 2**30, 2) == Decimal("6753.07")  # (411.888 - 108) / 0.045
    assert round(flips["hours"]) == 230_582  # 97,320.96 / (303.888 / 720)


def test_8_both_copies_for_a_month_cost_half_the_gateways_bytes(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--with-storage")

    assert dollars_of(lines, f"aws.s3.storage.{US}") == Decimal("44603.392")


def test_8_one_more_day_costs_144_3024_by_instances(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--overrun", "24")

    assert dollars_of(lines, "overrun", "nat_instance") == Decimal("144.3024")


# ---- other worked examples


def test_5_1_and_5_2_three_gateways_or_three_instances_for_2_pib(tmp_path: Path) -> None:
    lines = answer(
        tmp_path, *WORKED, "--assume", "from=on-premises", "--assume", "overhead=0",
    )  # fmt: skip

    def of_path(path: str) -> Decimal:
        parts = ("network path", "standby")
        own = (one for one in lines if one.get("path") == path and one.get("part") in parts)
        return sum((Decimal(one["usd"]) for one in own if one["placement"] == "pull"), Decimal(0))

    assert of_path("nat_gateway") == Decimal("94479.84")
    assert of_path("nat_instance") == Decimal("411.888")


def test_5_2_without_standby(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--no-nat-standby")

    assert dollars_of(lines, f"aws.ec2.hour.c7gn.large.{US}", "nat_instance") == Decimal("269.568")
    assert dollars_of(lines, f"aws.ebs.gp3.{US}", "nat_instance") == Decimal("1.92")
    assert not any(line.get("part") == "standby" for line in lines)


def test_5_5_two_of_three_zones_cross_to_a_single_gateway(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--assume", "overhead=0", "--nat-gateways", "1")

    crossing = dollars_of(lines, f"aws.crossaz.gb.{US}")
    assert crossing is not None
    assert round(crossing, 4) == Decimal("27962.0267")


def test_5_6_what_is_written_through_the_gateway_is_paid_twice_and_the_hint_says_so(
    tmp_path: Path,
) -> None:
    lines = answer(tmp_path, *WORKED, "--no-s3-endpoint")

    assert dollars_of(lines, f"aws.natgw.gb.{US}") == 2 * Decimal("97320.96")
    hint = next(one for one in lines[-1]["hints"] if "gateway endpoint" in one)
    assert hint.startswith("97,320.96 less by NAT gateway")


@pytest.mark.parametrize(
    ("files", "part", "requests", "usd"),
    [
        ("16777216", "8MiB", "301989888", "1509.94944"),
        ("16777216", "64MiB", "67108864", "335.54432"),
        ("16777216", "128MiB", "16777216", "83.88608"),
        ("2097152", "8MiB", "272629760", "1363.1488"),
        ("2097152", "64MiB", "37748736", "188.74368"),
        ("2097152", "256MiB", "12582912", "62.91456"),
    ],
)
def test_5_7_requests_by_size_of_parts(
    tmp_path: Path, files: str, part: str, requests: str, usd: str
) -> None:
    lines = answer(tmp_path, *WORKED, "--assume", f"files={files}", "--part", part)
    (put,) = [
        line
        for line in lines
        if line.get("price_id") == f"aws.s3.put.{US}"
        and (line["path"], line["placement"]) == ("nat_gateway", "pull")
    ]

    assert (put["quantity"], put["usd"]) == (requests, usd)


def test_5_8_six_rules_cost_more_than_the_log_that_they_read(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED)

    assert dollars_of(lines, f"aws.cw.ci_event.{US}") == Decimal("120")
    assert dollars_of(lines, f"aws.cw.ci_rule.{US}") == Decimal("3")
    assert any("rules cost more than the log" in one for one in lines[-1]["hints"])


STREAM = ("--records-a-day", "1e9", "--record-size", "1 KiB", "--shards", "24", "--days", "30",
          "--to", ALIKE)  # fmt: skip


def test_5_9_a_stream_is_priced_alone_by_every_way_of_paying(tmp_path: Path) -> None:
    lines = answer(tmp_path, *STREAM)

    def usd(way: str, *ids: str) -> list[str]:
        own = [line for line in lines if line.get("path") == f"kinesis, {way}"]
        return [line["usd"] for id in ids for line in own if line["price_id"] == f"{id}.{US}"]

    assert usd("24 shards", "aws.kinesis.shard_hour", "aws.kinesis.put_unit") == ["259.2", "420"]
    assert usd("24 shards, 25 records packed", "aws.kinesis.put_unit") == ["16.8"]
    assert usd("on demand", "aws.kinesis.od_hour", "aws.kinesis.od_in", "aws.kinesis.od_out") == [
        "28.8",
        "2288.818359375",
        "1144.4091796875",
    ]
    assert usd("24 shards", "aws.vpce.gb", "aws.vpce.hour") == ["286.102294921875", "21.6"]


def test_5_9_the_average_rate_asks_for_twelve_shards(tmp_path: Path) -> None:
    ended = cost(tmp_path, *[one for one in STREAM if one not in ("--shards", "24")])

    assert "12 shards" in ended.stdout
    assert "size for the peak" in words(ended)


def test_5_9_a_stream_beside_the_bytes_is_in_every_total(tmp_path: Path) -> None:
    plain, with_stream = (
        routes(answer(tmp_path, *WORKED, *more))["pull nat_gateway"]["usd"]
        for more in ((), STREAM[:6])
    )

    # 259.20 + 420.00 + 286.102294921875 + 21.60
    assert Decimal(with_stream) - Decimal(plain) == Decimal("986.902294921875")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (("--no-nat-standby",), "6"),  # 0.2 x 3 x 5 minutes x 120 an hour
        # besides, 3 minutes of one of three's 2,162,688 GB in 43,200 minutes, at 0.045
        ((), "8.2528"),
    ],
)
def test_5_10_expected_failures_cost_six_dollars_a_month_and_the_bytes_of_the_standby(
    tmp_path: Path, more: tuple[str, ...], expected: str
) -> None:
    trouble = ("--failures-a-month", "0.2", "--delay-usd-hour", "120")
    usd = dollars_of(answer(tmp_path, *WORKED, *trouble, *more), "failures", "nat_instance")

    assert usd is not None
    assert round(usd, 20) == Decimal(expected)


def test_5_11_a_private_circuit_pays_from_40000_gb_for_each_thousand_dollars(
    tmp_path: Path,
) -> None:
    assert "each 1,000.00 of its fixed costs from 40,000 GB on" in words(cost(tmp_path, *WORKED))


def test_4_two_accounts_share_the_bytes_and_each_has_its_own_tiers(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--egress-accounts", "2")

    assert dollars_of(lines, "azure.egress.mgn.eastus") == Decimal("112404.35")


def test_1_10_a_plan_with_a_date_climbs_the_tiers_of_each_month(tmp_path: Path) -> None:
    # 16 November to 16 December: half of 30 days in each month, as two accounts have it
    lines = answer(tmp_path, *WORKED, "--start", "2026-11-16")

    assert dollars_of(lines, "azure.egress.mgn.eastus") == Decimal("112404.35")
    assert lines[-1]["plan"]["months"] == [
        {"month": "2026-11", "hours": 360},
        {"month": "2026-12", "hours": 360},
    ]


def test_1_10_what_is_used_already_starts_further_up_the_ladder(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--used", "azure.egress.mgn.eastus=1 PiB")

    # all above 512,095 GB: 2,097,152 x 0.05
    assert dollars_of(lines, "azure.egress.mgn.eastus") == Decimal("104857.6")


def test_1_11_a_savings_plan_takes_28_percent_off(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--savings-plan", "c7gn=28%")

    paid = dollars_of(lines, f"aws.ec2.hour.c7gn.large.{US}", "nat_instance")
    assert paid == Decimal("194.08896")


def test_1_2_a_gb_of_azure_may_be_decimal(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--azure-gb", "decimal")

    usd = dollars_of(lines, "azure.egress.mgn.eastus")
    assert usd is not None
    assert round(usd, 2) == Decimal("116363.37")


def test_3_internet_routing_is_named_with_what_it_saves(tmp_path: Path) -> None:
    default, opted = (answer(tmp_path, *WORKED, *more) for more in ((), ("--routing", "internet")))

    assert any(one.startswith("21,348.90 less egress") for one in default[-1]["hints"])
    assert dollars_of(opted, "azure.egress.internet_routing.eastus") == Decimal("87282.08")
    assert not any("less egress" in one for one in opted[-1]["hints"])


def test_3_google_has_no_interconnect_price_and_it_stands_among_the_paths(tmp_path: Path) -> None:
    lines = answer(tmp_path, *SMALL, "--assume", "from=gcp:us-central1")
    found = routes(lines)["pull interconnect"]

    assert found["at_least"]
    assert "no price of aws.interconnect.gbps_hour" in found["remark"]


# ---- the choice


def test_the_chosen_point_of_the_front_is_named_with_its_reason(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED, "--policy", "no-public-ip")

    assert "✓ take pull by NAT instances, 4 times as many" in ended.stdout
    assert "less than the next path, pull by NAT gateway" in words(ended)


def test_a_policy_refuses_a_path_and_it_is_still_shown(tmp_path: Path) -> None:
    found = routes(answer(tmp_path, *WORKED, "--policy", "no-public-ip"))

    assert found["pull internet_gateway"]["remark"] == "a policy refuses this path"


def test_instances_that_do_not_bear_a_loss_are_said_not_to(tmp_path: Path) -> None:
    found = routes(answer(tmp_path, *WORKED))["pull nat_instance"]

    assert found["remark"].startswith("with one lost only 7.00 of 7.17 Gbit/s are safe")


def test_nat_instances_that_nobody_named_are_chosen_by_size(tmp_path: Path) -> None:
    at = WORKED.index("--nat-instances")
    summary = answer(tmp_path, *WORKED[:at], *WORKED[at + 2 :])[-1]

    assert summary["plan"]["nat_instances"] == {"type": "c8gn.medium", "count": 6}
    assert "6 x c8gn.medium as NAT instances, the cheapest that do" in summary["plan"]["assumed"]


def test_workers_that_nobody_named_are_priced_and_said(tmp_path: Path) -> None:
    lines = answer(tmp_path, *SMALL)

    assert "1 x c7g.2xlarge as workers, the cheapest that do" in lines[-1]["plan"]["assumed"]
    assert dollars_of(lines, f"aws.ec2.hour.c7g.2xlarge.{US}") == Decimal("208.8")  # 720 x 0.29


def test_break_even_comes_with_the_bytes_that_instances_carry(tmp_path: Path) -> None:
    summary = answer(tmp_path, *WORKED)[-1]

    assert round(Decimal(summary["break_even"]["gb"]), 4) == Decimal("6753.0667")
    # 0.70 x 2 x 5 Gbit/s for 720 hours
    assert round(Decimal(summary["break_even"]["capacity_gb"])) == 2_112_240


def test_the_loss_of_an_instance_and_settings_of_its_kernel_are_shown(tmp_path: Path) -> None:
    said = words(cost(tmp_path, *WORKED, "--connections", "300000"))

    assert "one NAT instance lost for 10 minutes, its route moved after 5" in said
    # 150,000 of each that is left, with head room: the next power of two
    assert "each NAT instance: nf_conntrack_max 262,144, 65,536 buckets" in said


def test_where_nothing_is_in_time_the_table_is_shown_and_the_exit_code_is_2(
    tmp_path: Path,
) -> None:
    plan = ("--bytes", "200 PiB", "--days", "1", "--from", "azure:eastus", "--to", ALIKE,
            "--policy", "no-public-ip", "--policy", "no-gateway",
            "--nat-instances", "t4g.nano:3")  # fmt: skip
    ended = cost(tmp_path, *plan)

    assert ended.returncode == 2
    assert "LF-6521 no path carries the bytes in 24 hours" in ended.stderr
    assert "t4g.nano: it ends" in ended.stderr
    assert "next: allow" in ended.stderr
    assert "3 x NAT gateway" in ended.stdout


def test_a_later_deadline_lets_a_slow_path_be_taken_at_the_price_of_its_delay(
    tmp_path: Path,
) -> None:
    slow = (*WORKED, "--assume", "nat_instances=c6gn.medium:3", "--policy", "no-public-ip")
    soon = answer(tmp_path, *slow)[-1]["decision"]
    later = answer(tmp_path, *slow, "--deadline", "60", "--delay-usd-hour", "10")
    waits = dollars_of(later, "delay", "nat_instance")

    assert soon["chosen"] == "nat_gateway"
    assert later[-1]["decision"]["chosen"] == "nat_instance"
    # 3 x 1.6 Gbit/s take 64,505 minutes; what waits for the 21,305 more costs 10 an hour
    assert waits is not None
    assert round(waits, 2) == Decimal("3550.83")


def test_a_start_too_near_for_a_circuit_is_said(tmp_path: Path) -> None:
    found = routes(answer(tmp_path, *WORKED, "--lead-days", "30"))

    assert found["pull expressroute"]["remark"].startswith("it takes 45 days to get")


def test_a_price_that_is_given_fills_what_no_list_has(tmp_path: Path) -> None:
    lines = answer(
        tmp_path, *WORKED, "--price", "azure.blob.read.eastus=0.0000005",
        "--price", "carrier.circuit.month=1500", "--price", "azure.er.circuit=2000",
    )  # fmt: skip
    found = routes(lines)

    assert not found["pull nat_gateway"]["at_least"]
    assert not found["pull expressroute"]["at_least"]
    assert dollars_of(lines, "azure.blob.read.eastus") == Decimal("268.435456")


def test_an_unpriced_line_is_never_zero(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED, "--route", "pull:expressroute")

    (circuit,) = [line for line in ended.stdout.splitlines() if "azure.er.circuit" in line][-1:]
    assert "unpriced" in circuit
    assert "at least " in ended.stdout


def test_egress_at_an_agreed_price(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED, "--egress-usd-per-gb", "0.02")

    assert dollars_of(lines, "azure.egress.mgn.eastus") == Decimal("41943.04")


def test_an_exit_programme_credits_the_egress_and_ends_after_sixty_days(tmp_path: Path) -> None:
    quick = answer(tmp_path, *WORKED, "--waiver", "exit")
    slow = answer(tmp_path, *WORKED, "--waiver", "exit", "--assume", "days=61")

    credits = [one for one in quick if one.get("part") == "credits"]
    assert {one["usd"] for one in credits} == {"-108630.975"}
    assert not any(one.get("part") == "credits" for one in slow)
    assert any("gets nothing credited" in one for one in slow[-1]["hints"])


# ---- how it is shown


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_every_line_fits_its_screen(tmp_path: Path, width: int) -> None:
    for plan in (WORKED, (*WORKED, "--route", "nat-instance"), STREAM, (*WORKED, *STREAM[:6])):
        ended = cost(tmp_path, *plan, COLUMNS=str(width))

        assert max(len(line) for line in ended.stdout.splitlines()) <= width


def test_a_remark_that_does_not_fit_beside_its_path_stands_below_the_table(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED, "--policy", "no-public-ip", COLUMNS="80")

    assert "pull by 6 public addresses: a policy refuses this path" in words(ended)


def test_every_figure_says_its_units_hours_and_free_tier(tmp_path: Path) -> None:
    ended = cost(tmp_path, *SMALL)

    assert "30 days (720 hours)" in ended.stdout
    assert "a GB is 2^30 bytes; free tiers off" in ended.stdout
    assert "3 % on the wire above the bytes: measure it" in words(ended)
    assert "a typical month of 730 hours" in cost(tmp_path, *SMALL, "--assume", "days=month").stdout


def test_worst_confidence_and_oldest_date_stand_with_the_total(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED)

    assert "worst confidence unverified, oldest price of 2024-07-01" in ended.stdout


def test_old_and_unseen_prices_are_warned_of_on_stderr(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED)

    assert "not seen in a source: azure.er.metered.zone1.eastus" in ended.stderr
    assert "older than 180 days" in ended.stderr
    assert "aws.s3.put.us-east-1 (" in ended.stderr


def test_all_lines_of_one_route_with_source_date_and_confidence(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED, "--route", "pull:nat-instance")
    (line,) = [one for one in ended.stdout.splitlines() if "NAT instance c7gn.large" in one]

    assert "2,160  hour" in line
    assert "269.57  2026-07-20  price_list  aws.ec2.hour.c7gn.large.us-east-1" in line


def test_the_table_may_be_of_some_paths_alone(tmp_path: Path) -> None:
    found = routes(answer(tmp_path, *WORKED, "--routes", "nat-gateway", "--routes", "nat-instance"))

    assert sorted(found) == ["pull nat_gateway", "pull nat_instance", "push nat_gateway"]
    assert len(routes(answer(tmp_path, *WORKED, "--routes", "all"))) == 7


def test_csv_has_every_line_exact_and_leaves_unpriced_ones_empty(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED, "--csv", "-")
    rows = list(csv.DictReader(ended.stdout.splitlines()))
    own = [row for row in rows if (row["placement"], row["path"]) == ("pull", "nat_gateway")]

    total = sum(Decimal(row["usd"]) for row in own if row["usd"])
    circuit = [row["price_id"] for row in rows if row["path"] == "expressroute" and not row["usd"]]
    assert total == Decimal("210737.2827158819305419921875")
    assert "azure.er.circuit" in circuit


def test_csv_into_a_file_leaves_the_table_on_stdout(tmp_path: Path) -> None:
    ended = cost(tmp_path, *WORKED, "--csv", "cost.csv")
    on_stdout = cost(tmp_path, *WORKED, "--csv", "-").stdout

    assert (tmp_path / "cost.csv").read_text() == on_stdout
    assert "pull by 3 x NAT gateway" in ended.stdout


def test_json_has_exact_decimals_beside_rounded_ones(tmp_path: Path) -> None:
    lines = answer(tmp_path, *WORKED)
    line = next(one for one in lines if one.get("price_id") == "aws.cw.vended.us-east-1")

    assert (line["usd"], line["usd_rounded"]) == ("69.849193096160888671875", "69.85")
    assert line["source"]


# ---- where it comes from


def test_a_plan_file_has_the_same_keys_and_flags_come_before_it(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        "bytes: 2 PiB\nfiles: 16777216\ndays: 45\nfrom: azure:eastus\nto: aws:us-east-1\n"
        "overhead: 3.125%\nworkers: c6in.4xlarge:6\nnat_instances: c7gn.large:3\n"
        "log_records: 1000000000\nrules: 6\nalarms: 12\ndashboards: 1\n"
    )
    found = routes(answer(tmp_path, "plan.yaml", "--hours", "720"))

    assert found["pull nat_gateway"]["usd_rounded"] == "210737.28"


def test_a_plan_comes_as_json_or_from_stdin(tmp_path: Path) -> None:
    plan = json.dumps({"bytes": "2 TiB", "days": 30, "from": "azure:eastus", "to": ALIKE})
    (tmp_path / "plan.json").write_text(plan)
    typed = cost(tmp_path, *SMALL)

    assert cost(tmp_path, "plan.json").stdout == typed.stdout
    assert cost(tmp_path, "-", input=plan).stdout == typed.stdout


def test_assume_sets_any_key_before_all_else(tmp_path: Path) -> None:
    lines = answer(
        tmp_path, *WORKED, "--assume", "overhead=0", "--assume", "nat-gateways=1",
        "--assume", "price.azure.blob.read.eastus=0.0000005",
    )  # fmt: skip

    assert dollars_of(lines, f"aws.natgw.gb.{US}") == Decimal("94371.84")
    assert dollars_of(lines, f"aws.natgw.hour.{US}") == Decimal("32.4")
    assert dollars_of(lines, "azure.blob.read.eastus") == Decimal("268.435456")


MANIFEST = """\
version: 1
name: atlas
network:
  region: us-east-1
  policy: [no-public-ip]
  nat: {kind: instance, type: c7gn.large, count: 3}
cost:
  assume: {overhead: 3.125%, workers: "c6in.4xlarge:6", price: {azure.blob.read.eastus: 0.0000005}}
"""
OF_MANIFEST = ("--bytes", "2 PiB", "--files", "16777216", "--days", "30", "--from", "azure:eastus")


def test_a_manifest_gives_assumptions_policy_and_nat(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text(MANIFEST)
    lines = answer(tmp_path, *OF_MANIFEST)

    assert dollars_of(lines, f"aws.natgw.gb.{US}") == Decimal("97320.96")
    assert dollars_of(lines, f"aws.ec2.hour.c7gn.large.{US}", "nat_instance") == Decimal("269.568")
    assert dollars_of(lines, "azure.blob.read.eastus") == Decimal("268.435456")
    assert routes(lines)["pull internet_gateway"]["remark"] == "a policy refuses this path"


def test_the_example_of_a_manifest_is_one_to_price_with(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "migration.yaml"
    lines = answer(tmp_path, "--file", example, *OF_MANIFEST)

    assert dollars_of(lines, "azure.egress.mgn.eastus") == Decimal("104857.6")  # 2 PiB at 0.05
    assert routes(lines)["pull internet_gateway"]["remark"] == "a policy refuses this path"


def test_flags_come_before_the_manifest_and_maps_are_joined(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text(MANIFEST)
    lines = answer(tmp_path, *OF_MANIFEST, "--overhead", "0", "--price", "azure.er.circuit=1")

    assert dollars_of(lines, f"aws.natgw.gb.{US}") == Decimal("94371.84")
    assert dollars_of(lines, "azure.blob.read.eastus") == Decimal("268.435456")
    assert dollars_of(lines, "azure.er.circuit", "expressroute") == 1


def test_a_file_of_prices_lies_beside_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "prices.json").write_text(
        '{"schema_version": 1, "currency": "USD", "prices": [{"id": "aws.natgw.gb.us-east-1",'
        '"provider": "aws", "region": "us-east-1", "service": "AmazonEC2", "unit": "GB",'
        '"bytes_per_unit": 1073741824, "tiers": [{"from": "0", "to": null, "price": "0.01"}],'
        '"source": "our agreement", "as_of": "2026-11-01", "confidence": "price_list"}]}'
    )
    (tmp_path / "lakeferry.yaml").write_text(f"{MANIFEST}  prices: prices.json\n")
    lines = answer(tmp_path / "deep", *OF_MANIFEST)

    assert dollars_of(lines, f"aws.natgw.gb.{US}") == Decimal("21626.88")  # 2,162,688 x 0.01


def test_every_key_of_a_plan_is_a_flag(tmp_path: Path) -> None:
    told = cost(tmp_path, "--help").stdout

    missing = [key for key in KEYS if f"--{key.replace('_', '-')} " not in told.replace("│", " ")]
    assert missing == ["units"]  # that is --decimal-units
    assert "--decimal-units" in told
