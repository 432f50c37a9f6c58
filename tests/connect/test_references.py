"""References are resolved where they are needed, and what names nothing is told by its name."""

from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess, client
from lakeferry.connect.references import resolved
from lakeferry.errors import FerryError


def test_a_text_without_references_stays_as_it_is() -> None:
    assert resolved("vpc-1 $x {y} ${version}") == "vpc-1 $x {y} ${version}"


def test_environment_and_files_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PART", "one")
    (tmp_path / "secret").write_text("two\n")

    assert resolved(f"${{env:PART}}-${{file:{tmp_path}/secret}}") == "one-two"


def test_what_is_not_there_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOBODY", raising=False)

    assert resolved("${env:NOBODY:-ops}") == "ops"
    assert resolved("${env:NOBODY:-}") == ""
    assert resolved("${file:/nowhere/x:-none}") == "none"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${env:NOBODY}", "`NOBODY` is not set"),
        ("${file:/nowhere/x}", "No such file"),
        ("${azure-keyvault:V/N}", "references to azure-keyvault are not resolved by this version"),
        ("${databricks-secret:S/K}", "not resolved by this version"),
    ],
)
def test_what_names_nothing_is_a_wrong_request(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.delenv("NOBODY", raising=False)

    with pytest.raises(FerryError, match=said) as refused:
        resolved(text)

    assert (refused.value.code, refused.value.where) == ("LF-2001", text)


@pytest.fixture
def keeper(moto_access: AwsAccess, monkeypatch: pytest.MonkeyPatch) -> AwsAccess:
    """AWS as the environment names it, with a secret and a parameter in it."""
    monkeypatch.setenv("AWS_REGION", moto_access.region)
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(moto_access.endpoint))
    client(moto_access, "secretsmanager").create_secret(
        Name="atlas/dbx", SecretString='{"secret": "hush", "other": "x"}'
    )
    client(moto_access, "secretsmanager").create_secret(Name="plain", SecretString="whole")
    client(moto_access, "ssm").put_parameter(Name="/atlas/vpc", Value="vpc-7", Type="SecureString")
    return moto_access


@pytest.mark.server
@pytest.mark.usefixtures("keeper")
def test_secrets_and_parameters_of_aws_are_read() -> None:
    assert resolved("${aws-secret:atlas/dbx#secret}") == "hush"
    assert resolved("${aws-secret:plain}") == "whole"
    assert resolved("${aws-param:/atlas/vpc}") == "vpc-7"


@pytest.mark.server
@pytest.mark.usefixtures("keeper")
@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("${aws-secret:atlas/dbx#nothing}", "LF-2001", "has no member `nothing`"),
        ("${aws-secret:plain#key}", "LF-2001", "has no member `key`"),
        ("${aws-secret:nowhere}", "LF-1206", "nowhere"),
        ("${aws-param:/nowhere}", "LF-1206", "/nowhere"),
    ],
)
def test_a_secret_that_is_not_there_is_named_and_never_shown(
    text: str, code: str, said: str
) -> None:
    with pytest.raises(FerryError) as refused:
        resolved(text)

    assert refused.value.code == code
    assert said in str(refused.value)
    assert "hush" not in str(refused.value)
