"""Requests are signed as botocore signs them, by the service's clock and not by ours."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.connect.aws_keys import AwsKeys
from lakeferry.ingest.kinesis.signing import Endpoint, clock_error, endpoint_of, signed_headers
from lakeferry.ingest.kinesis.wire import CONTENT_TYPE, TARGET, Request, get_records

AT = datetime(2026, 11, 26, 13, 5, 7, tzinfo=UTC)
HOST = Endpoint("kinesis.eu-west-1.amazonaws.com", "eu-west-1")


class Frozen(SigV4Auth):  # type: ignore[misc]
    """botocore's signer at one moment: it takes the time where it adds its headers."""

    def add_auth(self, request: AWSRequest) -> None:
        request.context["timestamp"] = AT.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))


def botocore_s(request: Request, endpoint: Endpoint, keys: AwsKeys) -> dict[str, str]:
    asked = AWSRequest(
        method="POST",
        url=f"https://{endpoint.host}{endpoint.path}",
        data=request.body,
        headers={"Content-Type": CONTENT_TYPE, "X-Amz-Target": TARGET + request.operation},
    )
    known = Credentials(keys.access_key, keys.secret_key, keys.token)
    Frozen(known, "kinesis", endpoint.region).add_auth(asked)
    return {name.lower(): value for name, value in asked.headers.items()}


@given(
    st.text(max_size=80),
    st.none() | st.text("abcXYZ/+=0", min_size=1, max_size=40),
    st.sampled_from([HOST, Endpoint("localhost:4568", "us-east-1"), Endpoint("e", "eu-x")]),
)
def test_the_signature_is_the_one_that_botocore_makes(
    iterator: str, token: str | None, endpoint: Endpoint
) -> None:
    request, keys = get_records(iterator), AwsKeys("AKIDEXAMPLE", "s3cr3t/+", token)

    ours = signed_headers(request, endpoint, keys, AT)
    theirs = botocore_s(request, endpoint, keys)

    assert ours["authorization"] == theirs["authorization"]
    assert ours["x-amz-date"] == theirs["x-amz-date"] == "20261126T130507Z"
    assert ours.get("x-amz-security-token") == token


def test_the_next_day_has_another_key() -> None:
    keys, request = AwsKeys("AKIDEXAMPLE", "secret"), get_records("AAAA")

    today = signed_headers(request, HOST, keys, AT)["authorization"]
    tomorrow = signed_headers(request, HOST, keys, AT + timedelta(days=1))["authorization"]

    assert "20261126/eu-west-1/kinesis" in today
    assert today.rpartition("=")[2] != tomorrow.rpartition("=")[2]


def test_secrets_are_not_shown() -> None:
    shown = repr(AwsKeys("AKIDEXAMPLE", "secret-word", "token-word"))

    assert "secret-word" not in shown
    assert "token-word" not in shown


@pytest.mark.parametrize(
    ("date", "error"),
    [
        ("Thu, 26 Nov 2026 13:15:07 GMT", timedelta(minutes=10)),
        ("Thu, 26 Nov 2026 12:55:07 GMT", timedelta(minutes=-10)),
        ("Thu, 26 Nov 2026 13:15:07 -0000", timedelta(minutes=10)),
        ("soon", timedelta(0)),
        ("", timedelta(0)),
        (None, timedelta(0)),
    ],
)
def test_the_service_s_date_corrects_our_clock(date: str | None, error: timedelta) -> None:
    assert clock_error(date, AT) == error


@pytest.mark.parametrize(
    ("region", "url", "found"),
    [
        ("eu-west-1", None, Endpoint("kinesis.eu-west-1.amazonaws.com", "eu-west-1")),
        ("cn-north-1", None, Endpoint("kinesis.cn-north-1.amazonaws.com.cn", "cn-north-1")),
        ("x", "http://localhost:4568", Endpoint("localhost:4568", "x", "/", secure=False)),
        ("x", "https://vpce-1.kinesis.x.vpce.amazonaws.com:443/",
         Endpoint("vpce-1.kinesis.x.vpce.amazonaws.com", "x")),
    ],
)  # fmt: skip
def test_requests_go_to_the_region_s_host_or_to_the_one_that_is_given(
    region: str, url: str | None, found: Endpoint
) -> None:
    assert endpoint_of(region, url) == found


@pytest.mark.parametrize("url", ["localhost:4568", "s3://b", "https://", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        endpoint_of("eu-west-1", url)
