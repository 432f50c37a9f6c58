"""Does importing a price list of 441 MB stay within 128 MiB, and how long does it take?

    python -m bench.price_import [--mb 441] [--goal-mib 128] [--keep FILE]

A list in the shape of AmazonEC2's of eu-west-1 is made: 108,000 products of some 20 attributes,
on-demand and reserved terms, indented as AWS indents it. Among them are every instance type that
the price book knows, each beside products that differ in one attribute only, and the NAT gateway's
meters beside those with similar names. Each import runs in a process of its own, whose peak memory
is measured; smaller lists show what grows. The peer reads the file whole with `orjson`, which is
what one would write by hand. Tables are for README.md.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import orjson

from lakeferry.cost.prices.price_file import own_book
from lakeferry.cost.prices.price_list import read_price_list

CHUNK = 2**20
PRODUCTS = 108_000  # in 441 MB
REGION = "eu-west-1"
RESERVED = 5  # reserved terms of a product: what fills such a list
NAT_USD = Decimal("0.048")

PLAIN = {
    "servicecode": "AmazonEC2", "location": "EU (Ireland)", "locationType": "AWS Region",
    "regionCode": REGION, "currentGeneration": "Yes", "physicalProcessor": "AWS Graviton3",
    "clockSpeed": "2.6 GHz", "memory": "4 GiB", "storage": "EBS only",
    "networkPerformance": "Up to 30 Gigabit", "processorArchitecture": "64-bit",
    "licenseModel": "No License required", "tenancy": "Shared", "operatingSystem": "Linux",
    "preInstalledSw": "NA", "capacitystatus": "Used", "operation": "RunInstances",
    "marketoption": "OnDemand", "vpcnetworkingsupport": "true", "normalizationSizeFactor": "4",
}  # fmt: skip
OTHER = ({"tenancy": "Dedicated"}, {"operatingSystem": "Windows"}, {"preInstalledSw": "SQL Std"},
         {"capacitystatus": "AllocatedCapacityReservation"})  # fmt: skip


def products(count: int) -> Iterator[tuple[str, dict[str, str], str]]:
    """SKU, attributes and price: those that are wanted are spread over the whole list."""
    wanted = list(wanted_products())
    step = max(1, count // len(wanted))
    for number in range(count):
        if number % step == 0 and number // step < len(wanted):
            usage, attributes, usd = wanted[number // step]
        else:
            usage, usd = f"EU-BoxUsage:z{number % 900}.large", "1.2500000000"
            attributes = {**PLAIN, "instanceType": f"z{number % 900}.large"}
        yield f"SKU{number:013X}", {**attributes, "usagetype": usage}, usd


def wanted_products() -> Iterator[tuple[str, dict[str, str], str]]:
    for kind in sorted(own_book().instance_types):
        usage, attributes = f"EU-BoxUsage:{kind}", {**PLAIN, "instanceType": kind}
        yield usage, attributes, "0.5000000000"
        for other in OTHER:
            yield usage, {**attributes, **other}, "9.0000000000"
    nat = {**PLAIN, "operation": "NatGateway"}
    yield "EU-NatGateway-Bytes", nat, f"{NAT_USD:.10f}"
    yield "EU-NatGateway-Hours", nat, f"{NAT_USD:.10f}"
    yield "EU-RegionalNatGateway-Bytes", {**PLAIN, "operation": ""}, "0.0470000000"
    yield "EU-NatGateway-Prvd-Bytes", {**PLAIN, "operation": ""}, "0.0000000000"


def make(path: Path, count: int) -> None:
    """Write the list; never more than one product is held."""
    with path.open("w") as file:
        file.write('{\n  "formatVersion" : "v1.0",\n  "offerCode" : "AmazonEC2",\n'
                   '  "publicationDate" : "2026-08-17T22:10:58Z",\n  "products" : {\n')  # fmt: skip
        for number, (sku, attributes, _) in enumerate(products(count)):
            one = {"sku": sku, "productFamily": "Compute Instance", "attributes": attributes}
            member(file.write, number, sku, one)
        file.write('  },\n  "terms" : {\n    "OnDemand" : {\n')
        for number, (sku, attributes, usd) in enumerate(products(count)):
            unit = "GB" if attributes["usagetype"].endswith("Bytes") else "Hrs"
            member(file.write, number, sku, term(sku, "JRTCKXETXF", unit, usd))
        file.write('    },\n    "Reserved" : {\n')
        for number, (sku, _, usd) in enumerate(products(count)):
            terms = [term(sku, f"RESERVED{kind}", "Hrs", usd) for kind in range(RESERVED)]
            member(
                file.write, number, sku, {key: one for each in terms for key, one in each.items()}
            )
        file.write("    }\n  }\n}\n")


def member(write: Callable[[str], object], number: int, sku: str, value: object) -> None:
    write(f'{"," if number else ""}"{sku}" : {json.dumps(value, indent=2)}\n')


def term(sku: str, code: str, unit: str, usd: str) -> dict[str, object]:
    key = f"{sku}.{code}"
    dimension = {
        "rateCode": f"{key}.6YS6EN2CT7", "description": f"${usd} per {unit}", "beginRange": "0",
        "endRange": "Inf", "unit": unit, "appliesTo": [], "pricePerUnit": {"USD": usd},
    }  # fmt: skip
    return {
        key: {
            "offerTermCode": code, "sku": sku, "effectiveDate": "2026-08-01T00:00:00Z",
            "priceDimensions": {f"{key}.6YS6EN2CT7": dimension}, "termAttributes": {},
        }
    }  # fmt: skip


def imported(path: Path) -> None:
    with path.open("rb") as file:
        found = read_price_list(iter(lambda: file.read(CHUNK), b""), path.name, own_book()).book
    hours = [one.hourly[REGION].last_usd for one in found.instance_types.values()]
    if hours != [Decimal("0.5")] * len(own_book().instance_types):
        raise SystemExit(f"wrong instance prices: {hours}")
    if found.at(f"aws.natgw.gb.{REGION}").last_usd != NAT_USD:
        raise SystemExit("wrong price of the NAT gateway")


def nothing(path: Path) -> None:
    """Python's start and its imports, which the others have too."""


def read_whole(path: Path) -> None:
    orjson.loads(path.read_bytes())


WAYS = {"lakeferry": imported, "orjson, whole": read_whole, "start alone": nothing}


def measured(way: str, path: Path) -> tuple[float, float, float]:
    """CPU and wall seconds and peak MiB of a process that does it once."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "bench.price_import", "--only", way, "--keep", str(path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu, peak = map(float, told.split())
    return cpu, time.perf_counter() - started, peak


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mb", type=int, default=441)
    parser.add_argument("--goal-mib", type=int, default=128)
    parser.add_argument("--keep", type=Path, help="make the list here, and leave it")
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        WAYS[asked.only](asked.keep)
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
        return 0

    worst = 0.0
    print("| list | way | cpu s | wall s | peak MiB |\n|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        path = asked.keep or Path(folder) / "index.json"
        for mb in (asked.mb // 10, asked.mb):
            make(path, PRODUCTS * mb // 441)
            size = path.stat().st_size / 1e6
            for way in WAYS:
                cpu, wall, peak = measured(way, path)
                print(
                    f"| {size:.0f} MB | {way} | {cpu:.1f} | {wall:.1f} | {peak:.0f} |", flush=True
                )
                worst = max(worst, peak) if way == "lakeferry" else worst
    print(f"goal of {asked.goal_mib} MiB: {'met' if worst < asked.goal_mib else 'MISSED'}")
    return int(worst >= asked.goal_mib)


if __name__ == "__main__":
    raise SystemExit(main())
