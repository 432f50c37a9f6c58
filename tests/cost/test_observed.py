"""What was copied and seen, from CSV and from totals of flow logs; what is malformed is named."""

import pyarrow as pa
import pytest

from lakeferry.cost.bill.observed import Copied, Seen, read_copied, read_seen, seen_of
from lakeferry.errors import FerryError
from tests.cost.bills import ENI_A, NAT_A, seconds

COPIED = "hour,nat,payload_bytes"
SEEN = "hour,interface_id,bytes,bytes_to_s3_prefix_list"


def test_the_forms_of_both_files() -> None:
    copied = [COPIED, f"2026-10-01T05:00:00Z,{NAT_A},12"]
    seen = [SEEN, f"2026-10-01T05:00:00Z,{ENI_A},15,3"]

    assert read_copied(copied, "copied.csv") == (Copied(seconds(5), NAT_A, 12),)
    assert read_seen(seen, "flow.csv") == (Seen(seconds(5), ENI_A, 15, 3),)


def test_parts_that_are_known_have_columns_in_any_order() -> None:
    copied = ["retried_bytes,payload_bytes,hour,nat", f"2,12,2026-10-01T05:00:00Z,{NAT_A}"]
    seen = [
        f"{SEEN},unsolicited_bytes,others_bytes,skipped_records,note",
        f"2026-10-01T05:00:00Z,{ENI_A},15,3,1,2,7,x",
    ]

    assert read_copied(copied, "copied.csv")[0].retried == 2
    assert read_seen(seen, "flow.csv") == (Seen(seconds(5), ENI_A, 15, 3, 1, 2, 7),)


def test_an_arn_names_the_gateway_by_its_last_part() -> None:
    row = f"2026-10-01T05:00:00+00:00,arn:aws:ec2:us-east-1:1:natgateway/{NAT_A},12"

    assert read_copied([COPIED, row], "copied.csv")[0].path == NAT_A


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"2026-10-01T05:00:00Z,{NAT_A},-1", "payload is -1"),
        (f"2026-10-01T05:00:00Z,{NAT_A},1.5", "'1.5' is no whole number"),
        (f"2026-10-01T05:00:00Z,{NAT_A},", "'' is no whole number"),
        (f"2026-10-01T05:00:00Z,{NAT_A},١٢", "is no whole number"),
        (f"2026-10-01T05:30:00Z,{NAT_A},1", "not the beginning of an hour"),
        (f"yesterday,{NAT_A},1", "yesterday"),
        ("2026-10-01T05:00:00Z,,1", "it names no path"),
        (f"2026-10-01T05:00:00Z,{NAT_A}", "not the 3 columns"),
        (f"2026-10-01T05:00:00Z,{NAT_A},1,2", "not the 3 columns"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_by_number_and_reason(row: str, reason: str) -> None:
    good = f"2026-10-01T04:00:00Z,{NAT_A},1"

    with pytest.raises(FerryError, match=f"line 3 cannot be read: .*{reason}") as caught:
        read_copied([COPIED, good, row], "copied.csv")

    assert (caught.value.code, caught.value.where) == ("LF-6607", "copied.csv")
    assert COPIED in caught.value.next_step


def test_a_header_that_lacks_a_column_is_refused() -> None:
    with pytest.raises(FerryError, match="the header lacks bytes_to_s3_prefix_list"):
        read_seen(["hour,interface_id,bytes"], "flow.csv")


@pytest.mark.parametrize("header", ['hour,"nat,payload_bytes', 'hour,nat,"payload_bytes"x'])
def test_a_header_that_is_no_csv_is_refused(header: str) -> None:
    with pytest.raises(FerryError, match="line 1 cannot be read") as error:
        read_copied([f"{header}\n", "2026-10-01T00:00:00Z,nat-1,5\n"], "copied.csv")

    assert error.value.code == "LF-6607"


def test_parts_beyond_the_whole_are_refused() -> None:
    with pytest.raises(FerryError, match="the parts of 15 bytes come to 16"):
        read_seen([SEEN, f"2026-10-01T05:00:00Z,{ENI_A},15,16"], "flow.csv")


def test_totals_of_flow_logs_are_seen_by_device_and_hour() -> None:
    totals = pa.table(
        {
            "device": [NAT_A, NAT_A, NAT_A, "", NAT_A],
            "leak": [False, True, False, False, False],
            "minute": [seconds(5), seconds(5) + 60, seconds(5) + 3540, seconds(5), seconds(6)],
            "bytes": [1, 2, 4, 8, 16],
        }
    )

    assert seen_of(totals, {NAT_A: 3}) == (
        Seen(seconds(5), NAT_A, 7, 2, skipped=3),
        Seen(seconds(6), NAT_A, 16),
    )
