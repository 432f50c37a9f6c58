"""Prices shown, and imported from AWS's and Azure's lists into a new file, over real HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from lakeferry.cost.prices.price_file import overridden, own_book, read_book
from tests.cli.program import Ended, called, json_lines, typed
from tests.cost.price_host import AZURE, PriceHost, price_host
from tests.cost.price_lists import Product, price_list, product, terms
from tests.cost.test_azure_prices import row

US, EU = "us-east-1", "eu-west-1"
NAT = {"operation": "NatGateway"}
PLAIN = {
    "instanceType": "c7gn.large", "operatingSystem": "Linux", "tenancy": "Shared",
    "preInstalledSw": "NA", "capacitystatus": "Used", "operation": "RunInstances", "unit": "Hrs",
}  # fmt: skip
NAT_GB, NAT_HOUR = f"aws.natgw.gb.{US}", f"aws.natgw.hour.{US}"


def nat_list(*more: Product) -> bytes:
    """NAT gateways dearer by the byte and the same by the hour; an instance that is cheaper."""
    return price_list(
        product("NATGB", "NatGateway-Bytes", "0.0500000000", **NAT),
        product("NATHR", "NatGateway-Hours", "0.0450000000", unit="Hrs", **NAT),
        product("C7GN", "BoxUsage:c7gn.large", "0.1200000000", **PLAIN),
        *more,
    )


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "index.json"
    path.write_bytes(nat_list())
    return path


@pytest.fixture
def host() -> Iterator[PriceHost]:
    with price_host() as found:
        found.lists = {
            ("AmazonEC2", US): nat_list(),
            ("AmazonEC2", EU): price_list(
                product("EUNAT", "EU-NatGateway-Bytes", "0.0490000000", regionCode=EU, **NAT)
            ),
            ("AmazonVPC", US): price_list(
                product("VPCE", "VpcEndpoint-Hours", "0.0100000000", unit="Hrs",
                        servicecode="AmazonVPC", operation="VpcEndpoint"),
                offer="AmazonVPC",
            ),
        }  # fmt: skip
        found.rows = [
            row(start, usd, armRegionName="westeurope")
            for start, usd in ((0, 0), (100, 0.09), (10335, 0.083), (51295, 0.07), (153695, 0.05))
        ]
        yield found


def prices(folder: Path, *words: str | Path, **environment: str) -> Ended:
    return called("config", "prices", *words, folder=folder, **environment)


def refresh(host: PriceHost, folder: Path, *words: str | Path) -> Ended:
    return prices(
        folder, "--refresh", "--aws-prices-url", host.url, "--azure-prices-url",
        f"{host.url}{AZURE}", *words,
    )  # fmt: skip


def usd(file: Path, id: str) -> Decimal | None:
    book = overridden(own_book(), read_book(file.read_bytes(), str(file)), str(file))
    return book.at(id).last_usd


# ---- shown


def test_every_price_is_shown_with_its_date_and_standing(tmp_path: Path) -> None:
    ended = prices(tmp_path, "natgw.gb")

    assert ended.returncode == 0
    assert [line.split() for line in ended.stdout.splitlines()] == [
        ["id", "price", "unit", "as", "of", "confidence"],
        ["aws.natgw.gb.ap-southeast-2", "0.059", "GB", "?", "unverified"],
        ["aws.natgw.gb.eu-west-1", "0.048", "GB", "2026-09-25", "price_list"],
        ["aws.natgw.gb.us-east-1", "0.045", "GB", "2026-08-17", "price_list"],
        ["aws.natgw.gb.us-west-2", "0.045", "GB", "2026", "secondary"],
        ["azure.natgw.gb", "0.045", "GB", "?", "golden"],
        ["5", "prices", "in", "USD"],
    ]


def test_without_words_the_whole_book_is_shown_with_instances(tmp_path: Path) -> None:
    own = own_book()
    hours = sum(len(one.hourly) for one in own.instance_types.values())
    lines = json_lines(prices(tmp_path, "--json"))

    shown = [one for one in lines if one["type"] == "price"]
    assert len(shown) == len(own.prices) + hours == lines[-1]["prices"]
    lacking = {one.id for one in own.prices.values() if one.tiers is None}
    assert lacking
    assert {one["id"] for one in shown if one["tiers"] is None} == lacking


def test_a_ladder_is_shown_tier_by_tier(tmp_path: Path) -> None:
    ended = prices(tmp_path, f"egress.internet.{US}")

    assert "0.09, from 10240 0.085, from 51200 0.07, from 153600 0.05" in ended.stdout


def test_a_region_and_a_service_choose_prices(tmp_path: Path) -> None:
    ended = prices(tmp_path, "--region", f"aws:{EU}", "--service", "AmazonVPC", "--json")

    found = [one for one in json_lines(ended) if one["type"] == "price"]
    assert {(one["region"], one["service"]) for one in found} == {(EU, "AmazonVPC")}


def test_a_word_that_no_id_has_is_refused(tmp_path: Path) -> None:
    ended = prices(tmp_path, "nosuchthing")

    assert ended.returncode == 2
    assert ended.stderr.startswith("✗ LF-2001 no price is of that kind")


# ---- imported from files


def test_an_import_shows_what_changes_and_writes_a_new_file(tmp_path: Path, listed: Path) -> None:
    ended = prices(tmp_path, "--aws", listed.name, "--out", "new.json")

    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "  3 prices: 1 higher, 1 lower, 1 the same"
    assert "    lower aws.ec2.hour.c7gn.large.us-east-1: 0.1248 -> 0.12 (-3.8%)" in lines
    assert "    higher aws.natgw.gb.us-east-1: 0.045 -> 0.05 (+11.1%)" in lines
    assert lines[-1] == "  written: new.json; --prices new.json takes it"
    assert usd(tmp_path / "new.json", NAT_GB) == Decimal("0.05")
    found = read_book((tmp_path / "new.json").read_bytes(), "new.json")
    assert set(found.prices) == {NAT_GB, NAT_HOUR}  # what was not imported is not in it
    assert found.prices[NAT_GB].as_of == "2026-08-17"


def test_without_a_new_file_nothing_is_written(tmp_path: Path, listed: Path) -> None:
    ended = prices(tmp_path, "--aws", listed.name)

    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1].startswith("  nothing was written")
    assert [one.name for one in tmp_path.iterdir()] == ["index.json"]


def test_the_imported_file_is_what_the_next_command_reckons_with(
    tmp_path: Path, listed: Path
) -> None:
    prices(tmp_path, "--aws", listed.name, "--out", "new.json")

    ended = prices(tmp_path, f"natgw.gb.{US}", "--prices", "new.json")

    assert ended.stdout.splitlines()[1].split()[:3] == [NAT_GB, "0.05", "GB"]


def test_a_second_import_keeps_what_the_file_in_use_has_besides(
    tmp_path: Path, listed: Path
) -> None:
    prices(tmp_path, "--aws", listed.name, "--out", "one.json")
    before = (tmp_path / "one.json").read_bytes()
    azure = {"BillingCurrency": "USD", "Items": [row(0, 0.09)], "NextPageLink": None}
    (tmp_path / "page.json").write_text(json.dumps(azure))

    ended = prices(tmp_path, "--azure", "page.json", "--prices", "one.json", "--out", "two.json")

    assert ended.returncode == 0, ended.stderr
    assert "with all else of one.json" in ended.stdout
    assert usd(tmp_path / "two.json", NAT_GB) == Decimal("0.05")
    assert usd(tmp_path / "two.json", "azure.egress.mgn.eastus") == Decimal("0.09")
    assert (tmp_path / "one.json").read_bytes() == before


def test_an_old_file_is_never_written_over(tmp_path: Path, listed: Path) -> None:
    (tmp_path / "old.json").write_text("mine")

    ended = prices(tmp_path, "--aws", listed.name, "--out", "old.json")

    assert ended.returncode == 2
    assert "LF-6543" in ended.stderr
    assert (tmp_path / "old.json").read_text() == "mine"


def test_a_file_that_cannot_be_written_is_told_before_anything_is_fetched(
    host: PriceHost, tmp_path: Path
) -> None:
    ended = refresh(host, tmp_path, "--region", f"aws:{US}", "--out", "no/such/new.json")

    assert ended.returncode == 2
    assert "LF-2004" in ended.stderr
    assert host.asked == []


def test_scripts_get_each_change_and_the_counts(tmp_path: Path, listed: Path) -> None:
    lines = json_lines(prices(tmp_path, "--aws", listed.name, "--json"))

    (change,) = [one for one in lines if one.get("id") == NAT_GB]
    assert change["kind"] == "higher"
    assert change["before"] == [{"from": "0", "to": None, "price": "0.045"}]
    assert change["after"] == [{"from": "0", "to": None, "price": "0.05"}]
    assert lines[-1]["counts"] == {"new": 0, "higher": 1, "lower": 1, "other": 0, "same": 1}
    assert lines[-1]["file"] is None


# ---- discounts


def test_a_discount_makes_a_file_of_what_it_changes(tmp_path: Path) -> None:
    """cost.md 1.11: 28 % on c7gn.large."""
    ended = prices(
        tmp_path, "--savings-plan", "c7gn=28%", "--discount", "AmazonVPC=0.1", "--region",
        f"aws:{US}", "--out", "agreed.json",
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    found = read_book((tmp_path / "agreed.json").read_bytes(), "agreed.json")
    hour = found.instance_types["c7gn.large"].hourly[US].last_usd
    assert hour == Decimal("0.089856")  # 0.1248 x 0.72
    assert 3 * 720 * hour == Decimal("194.08896")
    assert found.prices[f"aws.vpce.hour.{US}"].last_usd == Decimal("0.009")
    assert NAT_GB not in found.prices
    assert {one.region for one in found.prices.values()} == {US}


def test_a_discount_goes_with_an_import(tmp_path: Path, listed: Path) -> None:
    prices(tmp_path, "--aws", listed.name, "--discount", "AmazonEC2=0.1", "--out", "new.json")

    assert usd(tmp_path / "new.json", NAT_GB) == Decimal("0.045")


def test_a_discount_is_not_taken_off_twice(tmp_path: Path) -> None:
    prices(tmp_path, "--discount", "AmazonVPC=0.1", "--out", "once.json")

    ended = prices(tmp_path, "--discount", "AmazonVPC=0.1", "--prices", "once.json")

    assert ended.returncode == 2
    assert "LF-6507" in ended.stderr
    assert "already" in ended.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--discount", "AmazonVPC"), "--discount `AmazonVPC` is no discount"),
        (("--discount", "=0.1"), "is no discount"),
        (("--discount", "AmazonVPC=ten"), "is no discount"),
        (("--discount", "AmazonVPC=1.5"), "1.5 is not from 0 to 1"),
        (("--discount", "AmazonVCP=0.1"), "nearest: AmazonVPC"),
        (("--savings-plan", "c7gx=0.1"), "nearest: c7g"),
        (("--region", "eastus"), "write aws:us-east-1 or azure:westeurope"),
        (("--refresh",), "--region aws:us-east-1"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    ended = prices(tmp_path, *words, "--out", "new.json")

    assert ended.returncode == 2
    assert said in ended.stderr
    assert not (tmp_path / "new.json").exists()


# ---- fetched


def test_the_lists_of_regions_are_fetched_from_aws_and_azure(
    host: PriceHost, tmp_path: Path
) -> None:
    ended = refresh(
        host, tmp_path, "--region", f"aws:{US}", "--region", f"aws:{EU}", "--region",
        "azure:westeurope", "--out", "new.json",
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    assert usd(tmp_path / "new.json", NAT_GB) == Decimal("0.05")
    assert usd(tmp_path / "new.json", f"aws.natgw.gb.{EU}") == Decimal("0.049")
    assert usd(tmp_path / "new.json", f"aws.vpce.hour.{US}") == Decimal("0.01")
    found = read_book((tmp_path / "new.json").read_bytes(), "new.json")
    ladder = found.prices["azure.egress.mgn.westeurope"].tiers or ()
    assert [str(one.usd) for one in ladder] == ["0", "0.09", "0.083", "0.07", "0.05"]
    pages = [path for path in host.asked if path.startswith(AZURE)]
    assert len(pages) == 3  # of two rows each
    assert not any("AmazonKinesis" in path for path in host.asked)  # no such list is offered


def test_only_the_service_that_is_named_is_fetched(host: PriceHost, tmp_path: Path) -> None:
    ended = refresh(host, tmp_path, "--region", f"aws:{US}", "--service", "AmazonVPC")

    assert ended.returncode == 0, ended.stderr
    assert not any("AmazonEC2" in path for path in host.asked)
    assert f"aws.natgw.gb.{US}" not in ended.stdout.partition("kept as they are")[0]


def test_a_list_is_read_from_its_address(host: PriceHost, tmp_path: Path) -> None:
    url = f"{host.url}/offers/v1.0/aws/AmazonEC2/20260817221058/{EU}/index.json"

    ended = prices(tmp_path, "--aws", url, "--out", "new.json")

    assert ended.returncode == 0, ended.stderr
    assert usd(tmp_path / "new.json", f"aws.natgw.gb.{EU}") == Decimal("0.049")


def test_azure_s_pages_are_followed_from_an_address(host: PriceHost, tmp_path: Path) -> None:
    query = "$filter=serviceName%20eq%20'Bandwidth'%20and%20armRegionName%20eq%20'westeurope'"

    ended = prices(tmp_path, "--azure", f"{host.url}{AZURE}?{query}", "--out", "new.json")

    assert ended.returncode == 0, ended.stderr
    assert len(host.asked) == 3
    assert usd(tmp_path / "new.json", "azure.egress.mgn.westeurope") == Decimal("0.05")


def test_a_download_that_breaks_off_is_taken_up_where_it_was(
    host: PriceHost, tmp_path: Path
) -> None:
    host.cut_after = {f"{US}/index.json": 1000}

    ended = refresh(host, tmp_path, "--region", f"aws:{US}", "--service", "AmazonEC2", "-o", "n")

    assert ended.returncode == 0, ended.stderr
    assert host.ranges == ["bytes=1000-"]
    assert usd(tmp_path / "n", NAT_GB) == Decimal("0.05")


def test_a_server_that_is_busy_is_asked_again(host: PriceHost, tmp_path: Path) -> None:
    host.refuses = {"/aws/index.json": [503, 429]}

    ended = refresh(host, tmp_path, "--region", f"aws:{US}")

    assert ended.returncode == 0, ended.stderr


# ---- what cannot be imported: nothing is written


def refused(ended: Ended, code: str, *said: str, exit_code: int = 2) -> None:
    assert ended.returncode == exit_code, ended.stderr
    assert ended.stderr.startswith(f"✗ {code} ")
    assert "  next: " in ended.stderr
    for one in said:
        assert one in ended.stderr


def file_of(folder: Path, text: bytes) -> str:
    (folder / "bad.json").write_bytes(text)
    return "bad.json"


def test_a_list_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    name = file_of(tmp_path, nat_list()[:-300])

    ended = prices(tmp_path, "--aws", name, "--out", "new.json")

    refused(ended, "LF-6541", "bad.json", "fetch the whole list again")
    assert not (tmp_path / "new.json").exists()


def test_two_prices_for_one_thing_are_refused_and_can_be_left_out(tmp_path: Path) -> None:
    twice = product("NATGB2", "NatGateway-Bytes", "0.0600000000", **NAT)
    name = file_of(tmp_path, nat_list(twice))

    ended = prices(tmp_path, "--aws", name, "--out", "new.json")
    refused(ended, "LF-6542", NAT_GB, "NATGB at 0.05; NATGB2 at 0.06")
    assert not (tmp_path / "new.json").exists()

    ended = prices(tmp_path, "--aws", name, "--without", NAT_GB, "--out", "new.json")
    assert ended.returncode == 0
    assert usd(tmp_path / "new.json", NAT_GB) == Decimal("0.045")


def test_several_terms_are_refused(tmp_path: Path) -> None:
    sku, attributes, found = product("NATGB", "NatGateway-Bytes", **NAT)
    found = {**found, **terms(sku, ("0", "Inf", "0.01", "GB"), code="OTHER")}
    name = file_of(tmp_path, price_list((sku, attributes, found)))

    refused(prices(tmp_path, "--aws", name), "LF-6542", "2 on-demand terms")


def test_two_lists_that_contradict_each_other_are_refused(tmp_path: Path, listed: Path) -> None:
    other = price_list(product("NATGB", "NatGateway-Bytes", "0.0700000000", **NAT))
    name = file_of(tmp_path, other)

    ended = prices(tmp_path, "--aws", listed.name, "--aws", name, "--out", "new.json")

    refused(ended, "LF-6542", f"{NAT_GB}: 0.05 -> 0.07")
    assert not (tmp_path / "new.json").exists()


def test_another_currency_is_refused(host: PriceHost, tmp_path: Path) -> None:
    host.currency = "EUR"

    ended = refresh(host, tmp_path, "--region", "azure:westeurope", "--out", "new.json")

    refused(ended, "LF-6503", "EUR", "exchange rates are not built in")
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("--region", "aws:us-east-9"), "nearest: us-east-1"),
        (("--region", "azure:westeuropa"), "nothing is offered; nearest: westeurope"),
        (("--region", f"aws:{US}", "--service", "AmazonEC3"), "nearest: AmazonEC2"),
    ],
)
def test_a_region_or_service_that_is_not_offered_is_refused_with_the_nearest(
    host: PriceHost, tmp_path: Path, words: tuple[str, ...], near: str
) -> None:
    ended = refresh(host, tmp_path, *words, "--out", "new.json")

    refused(ended, "LF-6651", near)
    assert not (tmp_path / "new.json").exists()


def test_a_list_without_the_region_that_is_asked_for_is_refused(
    tmp_path: Path, listed: Path
) -> None:
    ended = prices(tmp_path, "--aws", listed.name, "--region", f"aws:{EU}", "--out", "new.json")

    refused(ended, "LF-6651", f"index.json: {US} offered")


def test_a_list_of_something_else_is_refused(tmp_path: Path) -> None:
    name = file_of(tmp_path, price_list(product("X", "SomethingElse"), offer="AmazonEC2"))

    refused(prices(tmp_path, "--aws", name), "LF-6653", "bad.json")


@pytest.mark.parametrize("text", [b"", b"[]", b'{"a": 1', b"<html>", b'\xff\xfe{"'])
def test_what_is_no_list_is_refused(tmp_path: Path, text: bytes) -> None:
    refused(prices(tmp_path, "--aws", file_of(tmp_path, text)), "LF-6541", "bad.json")
    refused(prices(tmp_path, "--azure", "bad.json"), "LF-6541")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused(prices(tmp_path, "--aws", "none.json"), "LF-6541", "none.json: No such file")
    refused(prices(tmp_path, "--prices", "none.json", "natgw"), "LF-6504", "none.json")


def test_an_answer_that_stays_broken_is_a_failure_of_the_world(
    host: PriceHost, tmp_path: Path
) -> None:
    host.refuses = {"region_index.json": [503] * 9}

    ended = refresh(host, tmp_path, "--region", f"aws:{US}", "--out", "new.json")

    refused(ended, "LF-6652", "503", "HTTPS_PROXY", exit_code=1)
    assert not (tmp_path / "new.json").exists()


def test_a_cut_that_nothing_says_how_to_take_up_is_a_failure(
    host: PriceHost, tmp_path: Path
) -> None:
    host.has_tags = False
    host.cut_after = {f"{US}/index.json": 1000}

    ended = refresh(host, tmp_path, "--region", f"aws:{US}", "--out", "new.json")

    refused(ended, "LF-6652", "it ends after 1,000 of", exit_code=1)
    assert not (tmp_path / "new.json").exists()


def test_an_address_of_no_list_is_named(host: PriceHost, tmp_path: Path) -> None:
    refused(prices(tmp_path, "--aws", f"{host.url}/x"), "LF-6652", "404", exit_code=1)
    refused(prices(tmp_path, "--aws", "file:///etc/passwd"), "LF-6652", "http", exit_code=1)


def test_a_page_that_leads_elsewhere_is_not_followed(host: PriceHost, tmp_path: Path) -> None:
    page: dict[str, Any] = {
        "BillingCurrency": "USD", "Items": [row(0, 0.09)],
        "NextPageLink": "http://example.com/next",
    }  # fmt: skip
    host.lists["AmazonEC2", "azure"] = json.dumps(page).encode()
    url = f"{host.url}/offers/v1.0/aws/AmazonEC2/20260817221058/azure/index.json"

    refused(prices(tmp_path, "--azure", url), "LF-6541", "elsewhere: http://example.com/next")


def test_a_large_list_is_imported_in_little_memory(tmp_path: Path) -> None:
    """By the program itself; bench/price_import.py does it with 441 MB."""
    (tmp_path / "small.json").write_bytes(nat_list())
    filler = (product(f"S{n}", f"BoxUsage:z{n}", **PLAIN) for n in range(30_000))
    (tmp_path / "large.json").write_bytes(nat_list(*filler))
    assert (tmp_path / "large.json").stat().st_size > 30_000_000

    small, large = (_peak_mib(tmp_path, name) for name in ("small.json", "large.json"))

    assert large - small < 16


def _peak_mib(folder: Path, name: str) -> float:
    """Of a process of its own. Its resource usage would count what its parent had."""
    code = (
        "import re, sys\n"
        "from lakeferry.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "config", "prices", "--aws", name],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(ended.stdout.split()[-1]) / 1024


def test_the_program_itself_imports(tmp_path: Path, listed: Path) -> None:
    ended = typed("config", "prices", "--aws", listed.name, "-o", "new.json", folder=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert usd(tmp_path / "new.json", NAT_GB) == Decimal("0.05")
