"""A policy of AWS as text: the same statements always give the same text. Pure."""

from collections.abc import Mapping

import orjson


def policy_text(*statements: Mapping[str, object]) -> str:
    """JSON with sorted keys, as a role, a bucket, a topic and an endpoint take it."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return orjson.dumps(policy, option=orjson.OPT_SORT_KEYS).decode()
