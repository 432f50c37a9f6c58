"""As whom requests are signed: always as botocore's own chain would have it."""

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from lakeferry.connect.aws import AwsAccess
from lakeferry.connect.aws_keys import AwsKeys, keys_of
from lakeferry.errors import FerryError

NAMES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"),
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CREDENTIAL_EXPIRATION"),
)
HERE = AwsAccess("eu-west-1")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/credentials")


def of_botocore() -> AwsKeys | None:
    from botocore.session import Session

    found = Session().get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    return AwsKeys(frozen.access_key, frozen.secret_key, frozen.token)


@pytest.mark.parametrize(
    ("key", "secret", "security", "session"),
    [row for row in product(("", "AKIA1"), ("", "s1"), ("", "t1"), ("", "t2")) if any(row[:2])],
)
def test_keys_of_the_environment_are_those_that_botocore_finds(
    monkeypatch: pytest.MonkeyPatch, key: str, secret: str, security: str, session: str
) -> None:
    for name, value in zip(NAMES, (key, secret, security, session), strict=False):
        if value:
            monkeypatch.setenv(name, value)

    if not key or not secret:
        with pytest.raises(FerryError, match="credentials"):
            keys_of(HERE)()
    else:
        assert keys_of(HERE)() == of_botocore()


def test_a_profile_that_is_named_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        "[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = s2\n"
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s1")

    assert keys_of(AwsAccess("eu-west-1", profile="dev"))().access_key == "AKIADEV"


def test_keys_of_the_environment_need_no_botocore() -> None:
    look = (
        "import sys; from lakeferry.connect.aws import AwsAccess\n"
        "from lakeferry.connect.aws_keys import keys_of\n"
        "print(keys_of(AwsAccess('eu-west-1'))().access_key, 'botocore' in sys.modules)"
    )
    environment = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "s1"}
    told = subprocess.run(
        [sys.executable, "-c", look], env=environment, capture_output=True, text=True, check=True
    )

    assert told.stdout == "AKIA1 False\n"
