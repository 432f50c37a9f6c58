"""A manifest is read strictly: every fault at once, each with its line, and never a secret."""

import hashlib
from pathlib import Path

import pytest

from lakeferry.config.manifest import AlarmRule, EndpointConfig, Limit
from lakeferry.config.overlay import Flag
from lakeferry.config.read import Read, find_manifest, read_manifest
from lakeferry.config.tree import MAX_BYTES
from lakeferry.errors import FerryError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HEAD = "version: 1\nname: m1\n"


def written(folder: Path, text: str, name: str = "lakeferry.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read(folder: Path, text: str, name: str = "lakeferry.yaml", **how: object) -> Read:
    return read_manifest(written(folder, text, name), **how)  # type: ignore[arg-type]


def faults(folder: Path, text: str, name: str = "lakeferry.yaml", **how: object) -> list[str]:
    """The faults of a document as they are shown, places relative to the folder."""
    with pytest.raises(ExceptionGroup) as refused:
        read(folder, text, name, **how)
    assert all(isinstance(one, FerryError) for one in refused.value.exceptions)
    return [str(one).replace(f"{folder}/", "") for one in refused.value.exceptions]


# ---- what is read


def test_the_parts_of_the_network_become_values(tmp_path: Path) -> None:
    manifest = read(
        tmp_path,
        HEAD
        + """
target: {connection: aws, region: eu-west-1, root: s3://lake}
connections: {aws: {kind: aws, role: "arn:aws:iam::111122223333:role/r", external_id: "${env:X}"}}
network:
  vpc: vpc-0a1b
  subnets: [subnet-0a]
  endpoints: {s3: gateway, databricks-relay: {type: interface, service: com.amazonaws.vpce.x}}
  flow_logs: {destination: [cloudwatch, s3], bucket: s3://logs/flow, format: v5-nat,
              interval: 60 s, retention: 36 h}
  beyond: {"444455556666": {role: "arn:aws:iam::444455556666:role/look"}}
tags: {map-migrated: mig1A2B3C4D5E, cost-centre: "4711"}
alarms:
  notify: [ops@example.com, "${env:HOOK}"]
  rules:
    s3-through-nat: {limit: 36 GB/h}
    rejected: {limit: 20}
    one-worker: {limit: 25%}
    skipped: {enabled: false}
    lag: {limit: 2x}
    cost-forecast: {limit_usd: 20000}
""",
    ).manifest

    where = manifest.deployment
    assert (where.name, where.region, where.role, where.external_id) == (
        "m1", "eu-west-1", "arn:aws:iam::111122223333:role/r", "${env:X}",
    )  # fmt: skip
    network = manifest.network
    assert (network.vpc, network.subnets) == ("vpc-0a1b", ("subnet-0a",))
    assert network.endpoints == (
        EndpointConfig("s3", "gateway"),
        EndpointConfig("databricks-relay", "interface", "com.amazonaws.vpce.x"),
    )
    assert network.flow_logs.destinations == ("cloudwatch", "s3")
    assert network.flow_logs.format == ("v5-nat",)
    assert network.flow_logs.retention_days == 2
    assert [one.account for one in network.beyond] == ["444455556666"]
    assert manifest.tags.values["map-migrated"] == "mig1A2B3C4D5E"
    assert manifest.alarms.notify == ("ops@example.com", "${env:HOOK}")
    assert manifest.alarms.rules == (
        AlarmRule("s3-through-nat", Limit("bytes_per_s", 10_000_000, "36 GB/h")),
        AlarmRule("rejected", Limit("count", 20, "20")),
        AlarmRule("one-worker", Limit("share", 0.25, "25%")),
        AlarmRule("skipped", None, enabled=False),
        AlarmRule("lag", Limit("factor", 2, "2x")),
        AlarmRule("cost-forecast", Limit("usd", 20_000, "20000")),
    )


def test_the_same_manifest_in_three_notations_is_the_same(tmp_path: Path) -> None:
    as_yaml = read(tmp_path, HEAD + "network: {vpc: vpc-1, workers: {count: 8}}\n").manifest
    as_json = read(
        tmp_path,
        '{"version": 1, "name": "m1", "network": {"vpc": "vpc-1", "workers": {"count": 8}}}',
        "lakeferry.json",
    ).manifest
    as_toml = read(
        tmp_path,
        'version = 1\nname = "m1"\nnetwork.vpc = "vpc-1"\n[network.workers]\ncount = 8\n',
        "lakeferry.toml",
    ).manifest

    assert as_yaml.network == as_json.network == as_toml.network
    assert as_yaml.deployment == as_json.deployment == as_toml.deployment
    assert as_toml.network.workers.count == 8


def test_a_byte_order_mark_is_no_part_of_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "lakeferry.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\n")

    assert read_manifest(path).manifest.deployment.name is None


def test_a_profile_and_then_the_command_line_are_laid_upon_it(tmp_path: Path) -> None:
    text = (
        HEAD
        + """
network: {vpc: vpc-1, subnets: [subnet-1, subnet-2], flow_logs: {retention: 30 d}}
profiles:
  staging: {network: {vpc: vpc-2, subnets: [subnet-3]}}
"""
    )

    found = read(tmp_path, text, profile="staging", sets=["network.flow_logs.retention=5 d"])

    network = found.manifest.network
    assert (network.vpc, network.subnets) == ("vpc-2", ("subnet-3",))
    assert network.flow_logs.retention_days == 5
    where = {
        key: str(found.document.root.get("network", key).place)  # type: ignore[union-attr]
        for key in ("vpc", "subnets")
    }
    assert where["vpc"].endswith("lakeferry.yaml:6:28")
    retention = found.document.root.get("network", "flow_logs", "retention")
    assert retention is not None
    assert str(retention.place) == "--set:1:29"


def test_its_hash_is_that_of_the_file_unless_something_is_laid_upon_it(tmp_path: Path) -> None:
    text = HEAD + "network: {vpc: vpc-1}\nprofiles: {a: {}, b: {}}\n"
    sets = ["network.vpc=vpc-2"]

    found = [
        read(tmp_path, text), read(tmp_path, text, profile="a"), read(tmp_path, text, profile="b"),
        read(tmp_path, text, sets=sets), read(tmp_path, text, profile="a", sets=sets),
    ]  # fmt: skip

    hashes = [one.manifest.sha256 for one in found]
    assert hashes[0] == hashlib.sha256(text.encode()).hexdigest()
    assert len(set(hashes)) == len(found)


def test_a_value_of_the_command_line_may_be_a_list(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD, sets=["network.vpc=vpc-1", "network.subnets=[subnet-1, subnet-2]"])

    assert found.manifest.network.subnets == ("subnet-1", "subnet-2")


def test_the_nearest_manifest_upwards_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    above = written(tmp_path, HEAD)

    assert find_manifest(inner) == above
    nearer = written(inner.parent, HEAD, "lakeferry.json")
    assert find_manifest(inner) == nearer


def test_two_manifests_in_one_folder_are_one_too_many(tmp_path: Path) -> None:
    written(tmp_path, HEAD)
    written(tmp_path, HEAD, "lakeferry.toml")

    with pytest.raises(FerryError, match="several manifests") as refused:
        find_manifest(tmp_path)

    assert (refused.value.code, refused.value.exit_code) == ("LF-2002", 2)


# ---- what is refused


def test_an_unknown_key_has_its_line_a_caret_and_the_nearest_key(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, HEAD + "network: {vpc: vpc-1, subnts: []}\n")

    assert fault == (
        "LF-2001 lakeferry.yaml:3:23  network.subnts is not a key\n"
        "       3 | network: {vpc: vpc-1, subnts: []}\n"
        "         |                       ^^^^^^\n"
        "  next: did you mean `subnets`?"
    )


def test_every_fault_is_shown_in_the_order_of_the_document(tmp_path: Path) -> None:
    text = "version: 2\nnetwrk: {}\nnetwork: {vpc: 5, vpc: 6}\ntags: {owner: 4711}\n"

    assert [fault.splitlines()[0] for fault in faults(tmp_path, text)] == [
        "LF-2001 lakeferry.yaml:1:10  version: 2 is not known",
        "LF-2001 lakeferry.yaml:2:1  netwrk is not a key",
        "LF-2001 lakeferry.yaml:3:16  network.vpc: `5` is a whole number, where text is wanted",
        "LF-2002 lakeferry.yaml:3:19  `vpc` stands here a second time; first in line 3",
        "LF-2001 lakeferry.yaml:4:15  tags.owner: `4711` is a whole number, where text is wanted",
    ]


def test_at_most_twenty_faults_are_shown_and_the_rest_are_counted(tmp_path: Path) -> None:
    found = faults(tmp_path, HEAD + "".join(f"x{n}: 1\n" for n in range(25)))

    assert len(found) == 20
    assert found[-1].endswith("then 5 more errors will be shown")


@pytest.mark.parametrize(
    ("part", "said", "step"),
    [
        ("network: {vpc: vpc_1}", "`vpc_1` is not valid here", "write the id of a VPC"),
        ("network: {subnets: subnet-1}", "`subnet-1` is text, where a list", "write [subnet-1]"),
        ("network: {subnets: [eni-1]}", "subnets.0: `eni-1` is not valid", "id of a subnet"),
        ("network: {flow_logs: {interval: 30 s}}", "`30 s` is not possible", "`60 s` or `600 s`"),
        ("network: {flow_logs: {retention: 30}}", "`30` has no unit", "`30 d`"),
        ("network: {insights: {per: ENI}}", "`ENI` is not known here", "did you mean `eni`?"),
        ("network: {workers: {count: 0}}", "0 is less than 1", "greater"),
        (
            "network: {workers: {count: 1e3}}",
            "not the same in YAML 1.1 and 1.2",
            "write the number",
        ),
        ("network: {endpoints: {sts: {service: x}}}", "sts.type is missing", "add `type:`"),
        ("network: {insights: }", "network.insights has no value", "remove the key"),
        ("network: {connection: aws}", "no connection `aws`", "add it to `connections`"),
        ("tags: {Map_Migrated: x}", "the key is spelt `map-migrated`", "write `map-migrated`"),
        ("tags: {map-migrated: mig1}", "`mig1` is not valid here", "10 capital letters"),
        ("tags: {map-migrated: MIG-abcde12345}", "is not valid here", "nearest: `migABCDE12345`"),
        ("tags: {map-migrated: mig ec2 12345}", "is not valid here", "nearest: `mig_ec2_12345`"),
        ("limits: {max_bytes: 2 pb}", '"2 pb" can mean 2 petabytes', "write 2 PB (10^15"),
        ("limits: {bandwidth: 40}", "`40` has no unit", "`40 Gbit/s`"),
        ("alarms: {rules: {x: {limit: 5 Gb/h}}}", '"5 Gb/h" can mean', "5 Gbit/h or 5 GB/h"),
        ("network: {vpc: '${env}'}", "`${env}` names no kind", "${KIND:NAME}"),
        ("network: {vpc: '${sh:rm -rf}'}", "`sh` is no kind of reference", "azure-keyvault"),
        ("network: {vpc: '${env:X'}", "`${` is never closed", "${KIND:NAME}"),
        ("profiles: {p: {netwrk: {}}}", "profiles.p.netwrk is not a key", "`network`"),
        ("[1, 2]", "a list, where a map is wanted", "write a map"),
    ],
)
def test_each_fault_says_what_and_how_to_mend_it(
    tmp_path: Path, part: str, said: str, step: str
) -> None:
    (fault,) = faults(tmp_path, part if part.startswith("[") else f"{HEAD}{part}\n")

    assert said in fault
    assert step in fault.splitlines()[-1]


def test_a_profile_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, HEAD + "profiles: {staging: {}}\n", profile="stagin")

    assert "there is no profile `stagin`" in fault
    assert "known: staging" in fault


def test_a_fault_of_the_command_line_is_shown_there(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, HEAD, sets=["network.vpc=vpc-1", "network.vcp=x"])

    assert fault == (
        "LF-2001 --set:2:1  network.vcp is not a key\n"
        "       2 | network.vcp=x\n"
        "         | ^^^^^^^^^^^\n"
        "  next: did you mean `vpc`?"
    )


def test_a_key_with_a_dot_stands_in_quotes_on_the_command_line(tmp_path: Path) -> None:
    given = 'sources.a.tables."geo.*".verify=rows'

    found = read(tmp_path, HEAD + "sources: {a: {root: s3://a}}\n", sets=[given])

    verify = found.manifest.root.get("sources", "a", "tables", "geo.*", "verify")
    assert verify is not None
    assert (verify.text, str(verify.place)) == ("rows", "--set:1:33")


@pytest.mark.parametrize("one", ["network", "=x", "a..b=1", "a.=1"])
def test_what_is_no_path_and_value_is_refused(tmp_path: Path, one: str) -> None:
    (fault,) = faults(tmp_path, HEAD, sets=[one])

    assert "is no path=value" in fault


def test_a_long_line_is_cut_around_its_caret(tmp_path: Path) -> None:
    line = "tags: {" + ", ".join(f"k{n}: v" for n in range(60)) + ", x: 5, y: z}"

    (fault,) = faults(tmp_path, f"{HEAD}{line}\n")

    quoted, carets = fault.splitlines()[1:3]
    assert len(quoted) <= 111
    assert quoted[carets.index("^")] == "5"


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"\xff\xfe", "the manifest is not UTF-8 text"),
        (b"a" * (MAX_BYTES + 1), "the manifest is larger than 10,000,000 bytes"),
    ],
    ids=["not utf-8", "too large"],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, raw: bytes, what: str) -> None:
    path = tmp_path / "lakeferry.yaml"
    path.write_bytes(raw)

    with pytest.raises(FerryError, match=what) as refused:
        read_manifest(path)

    assert (refused.value.code, refused.value.exit_code) == ("LF-2002", 2)


def test_a_manifest_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FerryError, match="cannot be read") as refused:
        read_manifest(tmp_path / "nowhere.yaml")

    assert refused.value.code == "LF-2002"


def test_an_empty_manifest_is_refused(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, "# nothing yet\n")

    assert "the manifest is empty" in fault


# ---- secrets


@pytest.mark.parametrize(
    "part",
    [
        "connections: {a: {kind: azure, secret: hunter2}}",
        "connections: {a: {kind: azure, secret: 'x${env:hunter2}'}}",
        "connections: {a: {kind: azure, secret: '${env:X:-hunter2}'}}",
        "connections: {a: {kind: azure, token: 'hunter2 more'}}",
        "connections: {a: {kind: azure, sas: [hunter2]}}",
        "serve: {token: hunter2}",
        "sources: {s: {password: hunter2}}",
        "sources: {s: {options: {account_key: hunter2}}}",
        "profiles: {p: {serve: {token: hunter2}}}",
        "serve: {token: hunter2, bnd: 1}",
        "sources: {s: {secret: hunter2}}\nnetwrk: 1",
        "connections: {a: {kind: azure, secret: hunter2, tenat: x}}",
        "serve: {token: |\n    hunter2\n  }",
        "connections: {a: {knd: azure, secret: 'hunter2', x: y}, secret: \"hunter2",
        "sources: {s: {uri: 'https://u:hunter2@host/'}, s: 1}",
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_never_shown(tmp_path: Path, part: str) -> None:
    found = faults(tmp_path, f"{HEAD}{part}\n")

    assert found
    assert "hunter2" not in "\n".join(found)


def test_a_literal_secret_says_where_it_belongs(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, HEAD + "connections: {a: {kind: azure, secret: hunter2}}\n")

    assert fault == (
        "LF-2031 lakeferry.yaml:3:40  connections.a.secret holds a literal (value not shown)\n"
        "  the value is not shown\n"
        "  next: put it into a secret store and write ${aws-secret:NAME#KEY}, or ${env:NAME}"
    )


def test_references_stay_as_they_are_written(tmp_path: Path) -> None:
    text = (
        HEAD
        + """
connections:
  a: {kind: azure, tenant: "${env:TENANT:-none}", secret: "${aws-secret:atlas/sp#client_secret}"}
network: {vpc: "${env:VPC}", flow_logs: {format: "${version} ${bytes}"}}
"""
    )

    found = read(tmp_path, text)

    assert found.manifest.network.vpc == "${env:VPC}"
    secret = found.document.root.get("connections", "a", "secret")
    assert secret is not None
    assert secret.text == "${aws-secret:atlas/sp#client_secret}"


# ---- flags


def test_flags_alone_say_what_a_manifest_could() -> None:
    manifest = read_manifest(
        None,
        flags=[
            Flag("--vpc", ("network", "vpc"), "vpc-1"),
            Flag("--tag", ("network", "tags"), {"team": "lake"}),
            Flag("--workers", ("network", "workers", "count"), 8),
        ],
    ).manifest

    assert manifest.network.vpc == "vpc-1"
    assert manifest.network.tags == {"team": "lake"}
    assert manifest.network.workers.count == 8


def test_a_flag_comes_before_the_manifest(tmp_path: Path) -> None:
    found = read_manifest(
        written(tmp_path, HEAD + "network: {vpc: vpc-1, subnets: [subnet-1], policy: []}\n"),
        flags=[Flag("--vpc", ("network", "vpc"), "vpc-2")],
        instead=[("network", "vpc"), ("network", "subnets"), ("alarms", "notify")],
    )

    assert found.manifest.network.vpc == "vpc-2"
    assert found.manifest.network.subnets == ()
    vpc = found.document.root.get("network", "vpc")
    assert vpc is not None
    assert str(vpc.place) == "--vpc"


def test_a_fault_in_a_flag_names_the_flag() -> None:
    with pytest.raises(ExceptionGroup) as refused:
        read_manifest(None, flags=[Flag("--vpc", ("network", "vpc"), "vpc_1")])

    assert str(refused.value.exceptions[0]) == (
        "LF-2001 --vpc  network.vpc: `vpc_1` is not valid here\n"
        "  on the command line\n"
        "  next: write the id of a VPC: `vpc-0a1b...`"
    )
