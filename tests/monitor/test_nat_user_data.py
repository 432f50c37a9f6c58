"""User data of NAT instances: what it holds, how large it is, and that it is what was written."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeferry.errors import FerryError
from lakeferry.monitor.nat.user_data import (
    MOST_USER_DATA,
    NatInstanceScript,
    NatRoute,
    default_targets,
)

SCRIPT = NatInstanceScript(
    region="eu-west-1",
    vpc_cidrs=("10.0.0.0/16", "100.64.0.0/16"),
    peer_tag=("lakeferry:deployment", "flows"),
    routes=(NatRoute("rtb-0a", "nat-01"), NatRoute("rtb-0b", "nat-01"), NatRoute("rtb-0c")),
    home=("rtb-0a",),
)


def part(text: str, name: str) -> str:
    """What the script writes into a file on the instance."""
    return text.split(f"<<'END-OF-{name}'\n")[1].split(f"\nEND-OF-{name}\n", maxsplit=1)[0]


def source(name: str) -> str:
    return files("lakeferry.monitor.nat").joinpath(name).read_text(encoding="utf-8")


def test_an_instance_knows_its_network_its_peers_and_who_takes_over() -> None:
    text = SCRIPT.user_data

    assert text.startswith("#!/bin/bash\n")
    assert "readonly VPC_CIDRS='10.0.0.0/16, 100.64.0.0/16'\n" in text
    assert "readonly PORT='8472'\n" in text
    assert json.loads(part(text, "PLAN")) == {
        "tag": ["lakeferry:deployment", "flows"],
        "routes": {"nat-01": ["rtb-0a", "rtb-0b"], "": ["rtb-0c"]},
        "home": ["rtb-0a"],
        "targets": ["s3.us-west-2.amazonaws.com:443", "checkip.amazonaws.com:443"],
        "vpc": ["10.0.0.0/16", "100.64.0.0/16"],
        "port": 8472,
        "seconds": 2,
        "failures": 3,
        "most_moves": 3,
    }


def test_equal_settings_give_equal_text_in_every_process() -> None:
    program = (
        "from tests.monitor.test_nat_user_data import SCRIPT; import hashlib;"
        "print(hashlib.sha256(SCRIPT.user_data.encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "src:."},
            check=True, capture_output=True, text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip

    assert len(seen) == 1


@pytest.mark.parametrize("text", [SCRIPT.user_data, source("nat_instance.sh")])
def test_shellcheck_finds_nothing(text: str) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")

    ended = subprocess.run(
        [shellcheck, "-"], input=text, capture_output=True, text=True, check=False
    )

    assert ended.stdout == ""


def test_the_program_on_the_instance_is_ours_without_words_for_people() -> None:
    written = ast.parse(source("nat_peer.py"))
    packed = ast.parse(part(SCRIPT.user_data, "PEER"), feature_version=(3, 9))

    assert ast.dump(packed) == ast.dump(bare(written))


def test_the_program_needs_nothing_newer_than_amazon_linux_has() -> None:
    """Python 3.9; what was added later to the functions that are called here is not used."""
    tree = ast.parse(source("nat_peer.py"), feature_version=(3, 9))
    imported = {
        name.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    keywords = {one.arg for one in ast.walk(tree) if isinstance(one, ast.keyword)}
    unions = [one for one in ast.walk(tree) if isinstance(one, ast.BinOp)]

    assert imported <= sys.stdlib_module_names
    assert not {"strict", "slots", "kw_only", "process_group"} & keywords
    assert not [one for one in unions if isinstance(one.op, ast.BitOr)]


def test_nothing_looks_like_a_template_but_the_ids_that_one_puts_in() -> None:
    """CloudFormation's Fn::Sub and Terraform's strings take `${...}`, Terraform also `%{...}`."""
    script = replace(SCRIPT, routes=(NatRoute("rtb-0a", "${Standby}"),))

    assert re.findall(r"[$%]\{.*?\}", script.user_data) == ["${Standby}"]
    assert '"routes":{"${Standby}":["rtb-0a"]}' in script.user_data


def test_two_dozen_route_tables_fit_and_too_many_are_refused_before_ec2_does() -> None:
    def script(count: int) -> NatInstanceScript:
        tables = [f"rtb-{number:017x}" for number in range(count)]
        routes = tuple(NatRoute(id, f"nat-{n % 3:017x}") for n, id in enumerate(tables))
        return replace(SCRIPT, routes=routes, home=tuple(tables[::3]))

    assert len(script(24).user_data.encode()) <= MOST_USER_DATA
    with pytest.raises(FerryError, match="user data of") as refused:
        _ = script(200).user_data
    assert refused.value.code == "LF-6438"


def test_the_role_may_look_and_move_the_routes_of_the_deployment_and_nothing_else() -> None:
    look, move = SCRIPT.statements("123456789012")

    assert (look.actions, look.resources) == (
        ("ec2:DescribeInstances", "ec2:DescribeRouteTables"), ("*",)
    )  # fmt: skip
    start = "arn:aws:ec2:eu-west-1:123456789012:route-table/"
    assert move.actions == ("ec2:ReplaceRoute",)
    assert move.resources == (f"{start}rtb-0a", f"{start}rtb-0b", f"{start}rtb-0c")


def test_each_call_of_the_program_is_allowed_and_each_allowed_call_is_made() -> None:
    called = set(re.findall(r'self\.ec2\(\s*"([a-z-]+)"', source("nat_peer.py")))

    allowed = {action for one in SCRIPT.statements("123456789012") for action in one.actions}
    assert {f"ec2:{name.title().replace('-', '')}" for name in called} == allowed


@pytest.mark.parametrize(
    ("seconds", "failures", "most"), [(2, 3, 9), (1, 3, 6), (1, 2, 5), (5, 3, 18)]
)
def test_an_outage_is_as_long_as_looks_failures_and_two_calls(
    seconds: int, failures: int, most: int
) -> None:
    script = replace(SCRIPT, check_seconds=seconds, failures=failures)

    assert script.most_seconds_to_move == most


@pytest.mark.parametrize(
    ("region", "bucket"),
    [
        ("eu-west-1", "s3.us-west-2.amazonaws.com:443"),
        ("us-west-2", "s3.us-east-2.amazonaws.com:443"),
        ("us-gov-west-1", "s3.us-gov-east-1.amazonaws.com:443"),
        ("us-gov-east-1", "s3.us-gov-west-1.amazonaws.com:443"),
        ("cn-north-1", "s3.cn-northwest-1.amazonaws.com.cn:443"),
        ("cn-northwest-1", "s3.cn-north-1.amazonaws.com.cn:443"),
    ],
)
def test_the_canary_asks_what_no_endpoint_of_the_vpc_takes_over(region: str, bucket: str) -> None:
    assert default_targets(region) == (bucket, "checkip.amazonaws.com:443")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"vpc_cidrs": ()}, "blocks of its VPC"),
        ({"vpc_cidrs": ("2001:db8::/56",)}, "not IPv4"),
        ({"vpc_cidrs": ("10.0.0.1/16",)}, "host bits"),
        ({"home": ("rtb-0f",)}, "among `routes`"),
        ({"routes": (NatRoute("rtb-0a"), NatRoute("rtb-0a"))}, "once"),
        ({"failures": 1}, "2 failures"),
        ({"peer_tag": ("team", "a'b")}, "cannot stand in user data"),
        ({"probe_targets": ("host:443\nreboot",)}, "cannot stand in user data"),
    ],
)
def test_what_cannot_stand_in_a_script_is_no_value(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(SCRIPT, **wrong)  # type: ignore[arg-type]


@given(word=st.text(max_size=30))
def test_no_text_leaves_the_place_that_it_has_in_the_script(word: str) -> None:
    try:
        script = replace(SCRIPT, peer_tag=("lakeferry:deployment", word))
    except ValueError:
        return

    assert json.loads(part(script.user_data, "PLAN"))["tag"][1] == word
    assert script.user_data.count("\n") == SCRIPT.user_data.count("\n")


def bare(tree: ast.Module) -> ast.Module:
    """A program without docstrings and annotations."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:]
            node.body = list(map(unannotated, node.body))
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in arguments(node):
                argument.annotation = None
        if isinstance(node, ast.With | ast.Try | ast.If):
            node.body = list(map(unannotated, node.body))
    return tree


def unannotated(node: ast.stmt) -> ast.stmt:
    if isinstance(node, ast.AnnAssign):
        assert node.value is not None
        return ast.Assign([node.target], node.value)
    return node


def arguments(node: ast.FunctionDef) -> Iterator[ast.arg]:
    yield from (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs)
    yield from (one for one in (node.args.vararg, node.args.kwarg) if one)
