"""Where the tests of `aws.ensure` make things, without waiting."""

from collections.abc import Iterator

import pytest

from lakeferry.aws.place import Place
from lakeferry.connect.aws import client
from tests.aws.ensuring import ACCESS, ACCOUNT


@pytest.fixture
def slept() -> list[float]:
    """The pauses that were asked for, in seconds."""
    return []


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> Iterator[Place]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client.cache_clear()
    yield Place(ACCESS, ACCOUNT, "m1", sleep=slept.append)
    client.cache_clear()
