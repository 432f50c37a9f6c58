"""What `lakeferry cost` refuses: a code, what, where, what to do next, exit code 2."""

import json
from pathlib import Path

import pytest

from tests.cli.cost_plans import SMALL, WORKED, cost
from tests.cli.program import json_lines

FLAGS = {"bytes": "2 TiB", "days": "30", "from": "azure:eastus", "to": "aws:us-east-1"}


def typed(**changed: str | None) -> list[str]:
    """The small plan as flags, some of them changed; None: left out."""
    given = {**FLAGS, **changed}
    return [
        word
        for name, value in given.items()
        if value is not None
        for word in (f"--{name.replace('_', '-')}", value)
    ]


def refused(folder: Path, *words: str) -> str:
    ended = cost(folder, *words)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "\n  next: " in ended.stderr
    return ended.stderr


# ---- what is missing


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    told = refused(tmp_path)

    for name in ("bytes", "days", "from", "to"):
        assert f"{name} is missing" in told
    assert told.count("LF-6621") == 4
    assert 'give --bytes "2 PiB", or `bytes:` in the plan' in told


def test_what_is_missing_is_told_as_json_lines_too(tmp_path: Path) -> None:
    ended = cost(tmp_path, "--json")
    errors = [line for line in json_lines(ended) if line["type"] == "error"]

    assert {line["code"] for line in errors} == {"LF-6621"}
    assert ended.stderr == ""


# ---- units


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("2 PB", "say 2 PiB (2^50), or 2 PB (10^15)"),
        ("500TB", "say 500 TiB (2^40), or 500 TB (10^12)"),
        ("1.5 GB", "say 1.5 GiB (2^30), or 1.5 GB (10^9)"),
        ("8 kB", "say 8 KiB (2^10), or 8 kB (10^3)"),
    ],
)
def test_a_bare_unit_that_has_two_readings_is_refused(tmp_path: Path, size: str, said: str) -> None:
    told = refused(tmp_path, *typed(bytes=size))

    assert "LF-2011 --bytes" in told
    assert said in told


def test_a_bit_or_a_byte_is_not_guessed(tmp_path: Path) -> None:
    assert "LF-2011" in refused(tmp_path, *typed(bytes="2 Tb"))


def test_decimal_units_are_taken_where_they_are_said(tmp_path: Path) -> None:
    words = typed(bytes="2 PB")

    assert cost(tmp_path, *words, "--decimal-units").returncode == 0
    (tmp_path / "plan.yaml").write_text("bytes: 2 PB\nunits: decimal\n")
    assert cost(tmp_path, "plan.yaml", *typed(bytes=None)).returncode == 0


def test_plain_bytes_need_no_unit(tmp_path: Path) -> None:
    assert "2 TiB in" in cost(tmp_path, *typed(bytes=str(2 * 2**40))).stdout


def test_text_that_is_no_size_is_refused_with_an_example(tmp_path: Path) -> None:
    told = refused(tmp_path, *typed(bytes="much"))

    assert "LF-2001 --bytes  bytes: `much` is no size" in told
    assert "`2 PiB`" in told


# ---- quantities


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("bytes", "-1", "is negative"),
        ("bytes", "900 EiB", "is beyond anything that can be meant"),
        ("bytes", "0", "is too little"),
        ("days", "-3", "is negative"),
        ("days", "36500", "is beyond anything that can be meant"),
        ("files", "0", "is too little"),
        ("zones", "40", "is beyond anything that can be meant"),
        ("overhead", "300%", "is beyond anything that can be meant"),
        ("workers", "c6in.4xlarge:1000000", "is beyond anything that can be meant"),
        ("credits", "-5", "is negative"),
    ],
)
def test_a_negative_or_absurd_quantity_is_refused(
    tmp_path: Path, flag: str, value: str, said: str
) -> None:
    told = refused(tmp_path, *typed(**{flag: value}))

    assert f"LF-6622 --{flag}" in told
    assert said in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--files", "1000000", "--assume", "bytes=5"], "cannot share 5 bytes"),
        (["--hours", "5"], "hours and days are both given"),
        (["--assume", "days=month", "--start", "2026-12-01"], "a typical month has no date"),
        (["--assume", "to=azure:eastus"], "bytes go to AWS here"),
        (["--assume", "from=on-premises", "--routing", "internet"], "means nothing for bytes from"),
        (["--dark-minutes", "20"], "dark_minutes is more than outage_minutes"),
        (["--records-a-day", "5", "--fan-out", "2"], "more consumers by fan-out"),
        (["--nat-instances", "none"], "none of them is a policy"),
        (["--connections", "5", "--connections-to-one", "6"], "is more than connections"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, words: list[str], said: str) -> None:
    told = refused(tmp_path, *SMALL, *words)

    assert "LF-6622" in told
    assert said in told


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("files", "many", "is no whole number"),
        ("files", "1,000", "is no whole number"),
        ("days", "a while", "is no number"),
        ("credits", "NaN", "is no number"),
        ("start", "soon", "is no time"),
        ("nat_instances", "three", "is no TYPE:COUNT"),
        ("routing", "intrenet", "did you mean `internet`?"),
        ("from", "azre:eastus", "did you mean `azure`?"),
        ("from", "azure", "names no region"),
        ("port", "40", "is not known here"),
    ],
)
def test_what_cannot_be_read_is_refused_with_how_to_write_it(
    tmp_path: Path, flag: str, value: str, said: str
) -> None:
    told = refused(tmp_path, *typed(**{flag: value}))

    assert "LF-2001 --" in told
    assert said in told


# ---- names


@pytest.mark.parametrize(
    ("words", "code", "nearest"),
    [
        (typed(**{"from": "azure:westeurop"}), "LF-6501", "nearest: westeurope"),
        (typed(to="aws:us-est-1"), "LF-6501", "nearest: us-east-1"),
        (typed(workers="c6in.5xlarge:2"), "LF-6502", "nearest: c6in.xlarge"),
        (typed(nat_instances="c7gn.lage:3"), "LF-6502", "nearest: c7gn.large"),
        (typed(discount="AmazonVCP=10%"), "LF-6507", "nearest: AmazonVPC"),
        (typed(savings_plan="c7gnn=28%"), "LF-6507", "nearest: c7gn"),
        (typed(price="aws.natgw.gb.us-est-1=1"), "LF-6624", "nearest: aws.natgw.gb.us-east-1"),
        (typed(used="azure.egress.mgn.eastu=1 TiB"), "LF-6624", "nearest: azure.egress.mgn.eastus"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_that_is_known(
    tmp_path: Path, words: list[str], code: str, nearest: str
) -> None:
    told = refused(tmp_path, *words)

    assert code in told
    assert nearest in told


def test_what_is_used_of_a_price_without_tiers_would_change_nothing(tmp_path: Path) -> None:
    told = refused(tmp_path, *SMALL, "--used", "aws.natgw.gb.us-east-1=1 TiB")

    assert "LF-6624 used: the price `aws.natgw.gb.us-east-1` has no tiers" in told


def test_a_pair_without_a_value_is_refused(tmp_path: Path) -> None:
    assert "LF-2001 `carrier.circuit.month` is no NAME=VALUE" in refused(
        tmp_path, *SMALL, "--price", "carrier.circuit.month"
    )


def test_a_path_that_does_not_exist_or_does_not_lead_there_is_refused(tmp_path: Path) -> None:
    typo = refused(tmp_path, *SMALL, "--route", "nat-gatway")
    elsewhere = refused(tmp_path, *SMALL, "--route", "direct-connect")

    assert "did you mean `nat-gateway`?" in typo
    assert "LF-6506" in elsewhere
    assert "pull:expressroute" in elsewhere


def test_parts_that_s3_does_not_take_are_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, *WORKED, "--part", "1 MiB")

    assert "LF-6505" in told
    assert "5 MiB to 5 GiB" in told


def test_an_assumption_that_is_no_key_is_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, *SMALL, "--assume", "overhed=8%")

    assert "LF-2001 --assume overhed  overhed is not a key of a plan" in told
    assert "did you mean `overhead`?" in told


# ---- prices


def prices(folder: Path, text: str) -> str:
    (folder / "prices.json").write_text(text)
    return "prices.json"


def test_prices_in_another_currency_are_refused(tmp_path: Path) -> None:
    file = prices(tmp_path, '{"schema_version": 1, "currency": "EUR", "prices": []}')

    told = refused(tmp_path, *SMALL, "--prices", file)
    assert "LF-6503 prices in EUR cannot stand beside prices in USD" in told


def test_a_file_of_prices_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    broken = prices(tmp_path, "{")

    assert "LF-6504" in refused(tmp_path, *SMALL, "--prices", broken)
    assert "LF-6504" in refused(tmp_path, *SMALL, "--prices", "nowhere.json")


# ---- plan files


def test_every_fault_of_a_plan_file_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        "bytes: 2 PB\nfile: 3\ndays: -2\nfrom: azure\nused: 3\nrules: 1.5\nzones: [1, 2]\nto:\n"
    )
    told = refused(tmp_path, "plan.yaml")

    for place in ("1:8", "2:1", "3:7", "4:7", "5:7", "6:8", "7:8"):
        assert f"plan.yaml:{place}" in told
    assert "       2 | file: 3\n         | ^^^^\n  next: did you mean `files`?" in told
    assert "zones: it is a list, where one value is wanted" in told
    assert "to: it has no value" in told


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("plan.yaml", "bytes: 2 PiB\n  days: 3\n", "plan.yaml:2:7  this is no YAML"),
        ("plan.json", '{"bytes": "2 PiB",', "plan.json:1:19  this is no JSON"),
        ("plan.json", '["2 PiB"]', "plan.json is a list, no map of keys"),
        ("plan.yaml", "", "plan.yaml is empty"),
        ("plan.yaml", "bytes: 1 TiB\nbytes: 2 TiB\n", "plan.yaml:2:1"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    told = refused(tmp_path, name)

    assert "LF-6623" in told
    assert said in told


def test_a_plan_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_bytes(b"bytes: \xff\xfe\n")

    assert "LF-6623" in refused(tmp_path, "nowhere.yaml")
    assert "it is not UTF-8 text" in refused(tmp_path, "plan.yaml")


def test_a_fault_of_the_manifest_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text("version: 1\ncost:\n  assume: {overhead: much}\n")
    told = refused(tmp_path, *SMALL)

    assert "lakeferry.yaml:3:22  overhead: `much` is no number" in told
    assert "     3 |   assume: {overhead: much}" in told


def test_a_key_of_cost_in_the_manifest_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lakeferry.yaml").write_text("version: 1\ncost: {asume: {}}\n")

    assert "cost.asume is not a key" in refused(tmp_path, *SMALL)


# ---- output


def test_csv_and_json_do_not_share_stdout(tmp_path: Path) -> None:
    ended = cost(tmp_path, *SMALL, "--csv", "-", "--json")
    (error,) = [one for one in map(json.loads, ended.stdout.splitlines()) if "code" in one]

    assert (ended.returncode, error["code"]) == (2, "LF-2001")


def test_csv_into_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "LF-2004" in refused(tmp_path, *SMALL, "--csv", "nowhere/cost.csv")
