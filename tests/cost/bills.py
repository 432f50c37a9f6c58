"""Bills made line by line, and written as AWS delivers them: CUR 2.0 and legacy."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakeferry.cost.bill.lines import BillFile
from tests.corpora import ROOT

SAMPLE = ROOT / "cur"
ENCODINGS = ("cur2.csv.gz", "cur2.parquet", "legacy.csv")
GIB = 2**30
NAT_A, NAT_B = "nat-0aaaaaaaaaaaaaaa1", "nat-0bbbbbbbbbbbbbbb2"
ENI_A, ENI_B = "eni-0a11111111111111a", "eni-0b22222222222222b"

_LEGACY = {
    "identity_line_item_id": "identity/LineItemId",
    "line_item_usage_account_id": "lineItem/UsageAccountId",
    "line_item_line_item_type": "lineItem/LineItemType",
    "line_item_usage_start_date": "lineItem/UsageStartDate",
    "line_item_usage_end_date": "lineItem/UsageEndDate",
    "line_item_product_code": "lineItem/ProductCode",
    "line_item_usage_type": "lineItem/UsageType",
    "line_item_operation": "lineItem/Operation",
    "line_item_resource_id": "lineItem/ResourceId",
    "line_item_usage_amount": "lineItem/UsageAmount",
    "line_item_currency_code": "lineItem/CurrencyCode",
    "line_item_unblended_rate": "lineItem/UnblendedRate",
    "line_item_unblended_cost": "lineItem/UnblendedCost",
    "pricing_unit": "pricing/unit",
    "product_region_code": "product/regionCode",
    "bill_invoice_id": "bill/InvoiceId",
}
_DOUBLES = ("line_item_usage_amount", "line_item_unblended_cost")


@dataclass(frozen=True)
class BillLine:
    """One line, as its columns say it. The default is an hour of a NAT gateway."""

    id: str
    amount: str = "1.0000000000"
    cost: str = "0.0450000000"
    hour: int = 0  # of 1 October 2026
    hours: int = 1
    usage_type: str = "NatGateway-Bytes"
    resource: str = f"arn:aws:ec2:us-east-1:111122223333:natgateway/{NAT_A}"
    kind: str = "Usage"
    region: str = "us-east-1"
    unit: str = "GB"
    currency: str = "USD"
    rate: str = "0.045"
    invoice: str = ""
    product: str = "AmazonEC2"
    tags: Mapping[str, str] = field(default_factory=dict)

    def columns(self) -> dict[str, str]:
        """The columns of CUR 2.0, as text."""
        start, end = at(self.hour), at(self.hour + self.hours)
        return {
            "identity_line_item_id": self.id,
            "identity_time_interval": f"{start}/{end}",
            "bill_invoice_id": self.invoice,
            "bill_billing_period_start_date": "2026-10-01T00:00:00Z",
            "line_item_usage_account_id": "111122223333",
            "line_item_line_item_type": self.kind,
            "line_item_usage_start_date": start,
            "line_item_usage_end_date": end,
            "line_item_product_code": self.product,
            "line_item_usage_type": self.usage_type,
            "line_item_operation": "NatGateway",
            "line_item_resource_id": self.resource,
            "line_item_usage_amount": self.amount,
            "line_item_currency_code": self.currency,
            "line_item_unblended_rate": self.rate,
            "line_item_unblended_cost": self.cost,
            "pricing_unit": self.unit,
            "product_region_code": self.region,
        }


def at(hour: int) -> str:
    """The beginning of an hour from 1 October 2026 on, as AWS writes it."""
    return f"2026-10-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z"


def seconds(hour: int) -> int:
    """The same in s since the epoch."""
    return int(datetime.fromisoformat(at(hour).replace("Z", "+00:00")).timestamp())


def without(line: BillLine, *names: str) -> dict[str, str]:
    """The columns of a line, some left out."""
    return {name: value for name, value in line.columns().items() if name not in names}


def csv_text(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows with equal columns."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def cur2(lines: Iterable[BillLine]) -> bytes:
    """CUR 2.0 as gzip CSV, tags as JSON."""
    rows = [one.columns() | {"resource_tags": json.dumps(dict(one.tags))} for one in lines]
    return gzip.compress(csv_text(rows).encode(), mtime=0)


def legacy(lines: Iterable[BillLine]) -> bytes:
    """The legacy report as CSV: no interval, and each tag has its column."""
    rows = [
        {written: one.columns()[name] for name, written in _LEGACY.items()}
        | {"resourceTags/user:map-migrated": one.tags.get("user_map_migrated", "")}
        for one in lines
    ]
    return csv_text(rows).encode()


def zipped(content: bytes) -> bytes:
    """The same in a zip, as the legacy report comes by default."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bill-00001.csv", content)
    return packed.getvalue()


def parquet(lines: Sequence[BillLine]) -> bytes:
    """CUR 2.0 as Parquet: doubles, timestamps, and maps."""
    columns: dict[str, pa.Array] = {}
    for name in lines[0].columns():
        texts = [one.columns()[name] for one in lines]
        if name in _DOUBLES:
            columns[name] = pa.array([float(one) for one in texts], pa.float64())
        elif name.endswith("_date"):
            times = [datetime.fromisoformat(one.replace("Z", "+00:00")) for one in texts]
            columns[name] = pa.array(times, pa.timestamp("ms", "UTC"))
        else:
            columns[name] = pa.array(texts, pa.string())
    tags = pa.map_(pa.string(), pa.string())
    columns["resource_tags"] = pa.array([list(one.tags.items()) for one in lines], tags)
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    return body.getvalue()


def file(content: bytes, name: str = "bill") -> BillFile:
    """A file that is in memory."""
    return BillFile(name, lambda: io.BytesIO(content))


def sample(name: str) -> BillFile:
    """A file of the sample bill."""
    return file(required_sample(name).read_bytes(), name)


def required_sample(name: str) -> Path:
    from tests.corpora import required

    return required(SAMPLE / name)
