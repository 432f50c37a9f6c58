"""Every dollar figure in documents, examples and `--help` is reckoned anew, or it is refused.

A figure is either in an answer that a document shows, and then stands in what the command answers
now; or it has its own computation below, from the book of prices. There is no list of exceptions.
"""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import yaml

import lakeferry
from lakeferry.cost.path.migration import Path as Way
from lakeferry.cost.path.money import exact
from lakeferry.cost.path.total import price
from lakeferry.cost.prices.price_file import read_book
from tests.cli.program import called
from tests.cost.bills import required_sample
from tests.cost.plans import BOOK, TWO_PIB, US, of_gb
from tests.figures import Figure, figures_in, outputs_in, told_wrong

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("docs", "examples", "changelog.d", "bench")
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")
            if path.suffix in (".md", ".yaml", ".json", ".toml", ".csv", ".ipynb")),
]  # fmt: skip
GUIDE = ROOT / "docs/guides/price-a-migration.md"
BILL = ("cur2.csv.gz", "copied.csv", "flow.csv")  # that a guide's commands read

Computed = Mapping[str, Callable[[], Decimal]]

# ---- where each figure in running text comes from

# The plan of docs/guides/price-a-migration.md.
GUIDED = replace(TWO_PIB, watching=type(TWO_PIB.watching)())
GB = 2 * 2**20  # of 2 PiB


@exact()
def apart(one: Way, other: Way) -> Decimal:
    return price(GUIDED, BOOK, one).total - price(GUIDED, BOOK, other).total


def egress(routing: str) -> Decimal:
    return of_gb(f"azure.egress.{routing}.eastus", GB)


def instances(share: str = "1") -> Decimal:
    hour = BOOK.instance("c7gn.large").hourly[US].last_usd
    assert hour is not None
    return 3 * 720 * hour * Decimal(share)


def quoted(id: str) -> Decimal:
    """What a unit beyond the last cut costs."""
    usd = BOOK.at(id).last_usd
    assert usd is not None
    return usd


@cache
def example(name: str) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((ROOT / "examples" / name).read_text())
    return found


def limit(name: str, *keys: str) -> Decimal:
    """What the reader would set elsewhere in the same example: its two limits are one."""
    found: object = example(name)
    for key in keys:
        assert isinstance(found, dict)
        found = found[key]
    return Decimal(str(found))


def own_example(id: str) -> Decimal:
    """A price in the file that docs/reference/prices.md shows, as it is read."""
    text = (ROOT / "docs/reference/prices.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    usd = read_book(shown.encode(), "prices.md").at(id).last_usd
    assert usd == quoted(id)
    return usd


def own_plan() -> Decimal:
    """What a month of the circuit comes to in the plan that docs/reference/cost.md shows."""
    text = (ROOT / "docs/reference/cost.md").read_text()
    plan = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    answer = lakeferry.cost(plan)
    lines = answer.route("expressroute").quote.lines
    (circuit,) = [one for one in lines if one.price_id == "carrier.circuit.month"]
    assert circuit.usd is not None
    with exact():
        return circuit.usd / circuit.quantity


COMPUTED: Mapping[str, Computed] = {
    "docs/guides/describe-a-migration.md": {
        "20000": lambda: limit("migration.yaml", "limits", "stop_if", "cost_usd")
    },
    "docs/guides/price-a-migration.md": {
        "97,017.07": lambda: apart("nat_gateway", "nat_instance"),
        "108,630.98": lambda: egress("mgn"),
        "21,348.90": lambda: egress("mgn") - egress("internet_routing"),
        "194.09": lambda: instances("0.72"),
        "269.57": instances,
    },
    # An alarm's metric, single or asked of Metrics Insights: the two cost the same.
    "docs/guides/tag-for-map.md": {
        "0.10": lambda: max(quoted(f"aws.cw.{one}.{US}") for one in ("alarm", "alarm_mi"))
    },
    # As the example of a manifest has it.
    "docs/guides/watch-a-network.md": {
        "20000": lambda: limit("migration.yaml", "alarms", "rules", "cost-forecast", "limit_usd")
    },
    "docs/reference/cost.md": {"1500": own_plan},
    "docs/reference/prices.md": {"0.045": lambda: own_example(f"aws.natgw.gb.{US}")},
    "examples/migration.yaml": {
        "20000": lambda: limit("migration.yaml", "alarms", "rules", "cost-forecast", "limit_usd"),
        # Azure's marginal price: what much of it costs a GB.
        "0.05": lambda: quoted("azure.egress.mgn.westeurope"),
    },
}


# ---- the check


def problems(text: str, computed: Computed, answers: Callable[[str], str]) -> Iterator[str]:
    """What is wrong with the dollar figures of a text.

    Args:
        computed: a figure as it stands in the text -> what it should be, exactly.
        answers: a command -> what it prints.
    """
    met = set()
    for figure in figures_in(text):
        met.add(figure.text)
        if figure.text not in computed:
            yield f"line {figure.line}: {figure.text} has no computation"
        elif not says(figure, computed[figure.text]()):
            yield f"line {figure.line}: {figure.text} is {computed[figure.text]()}"
    for stale in computed.keys() - met:
        yield f"{stale} stands nowhere"
    for output in outputs_in(text):
        printed = answers(output.command).splitlines()
        for at, line in enumerate(output.lines, 1):
            if line != "..." and not any(_is_shown(line, one) for one in printed):
                yield f"line {output.line + at}: `{output.command}` does not answer: {line}"


@exact()
def says(figure: Figure, usd: Decimal) -> bool:
    return figure.usd == usd.quantize(Decimal(1).scaleb(-figure.places))


def _is_shown(line: str, printed: str) -> bool:
    if line.endswith(" ..."):
        return printed.startswith(line.removesuffix(" ..."))
    return line.rstrip() == printed.rstrip()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the files that documents speak of."""
    found = tmp_path_factory.mktemp("documents")
    (plan,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (found / "plan.yaml").write_text(plan)
    for name in BILL:
        shutil.copy(required_sample(name), found)
    return found


@pytest.fixture(scope="session")
def answers(folder: Path) -> Callable[[str], str]:
    """What a command of a document prints."""

    @cache
    def answer(command: str) -> str:
        ended = called(*shlex.split(command)[1:], folder=folder)
        assert ended.returncode in (0, 3), ended.stderr
        return ended.stdout

    return answer


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_dollar_figure_of_a_document_is_what_it_computes_to(
    path: Path, answers: Callable[[str], str]
) -> None:
    name = str(path.relative_to(ROOT))

    assert list(problems(path.read_text(), COMPUTED.get(name, {}), answers)) == []


@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if "  # -> " in path.read_text()],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_python_in_a_document_prints_what_it_says(path: Path, folder: Path) -> None:
    with chdir(folder):
        assert list(told_wrong(path.read_text())) == []


def test_only_documents_that_are_there_have_computations() -> None:
    assert COMPUTED.keys() <= {str(path.relative_to(ROOT)) for path in DOCUMENTS}


def test_no_help_text_has_a_dollar_figure(tmp_path: Path) -> None:
    """None has one now; whoever writes one gives it a computation here."""
    helps = dict(each_help(tmp_path))

    assert {"", "cost", "config prices", "monitor plan"} <= helps.keys()
    for command, text in helps.items():
        assert list(figures_in(text)) == [], command


def each_help(folder: Path, *command: str) -> Iterator[tuple[str, str]]:
    """Every command with its `--help`, whole lines."""
    ended = called(*command, "--help", folder=folder, COLUMNS="300")
    yield " ".join(command), ended.stdout
    listed = re.search(r"─ Commands ─.*?╰", ended.stdout, re.DOTALL)
    for name in re.findall(r"^│ ([a-z]+) ", listed[0], re.MULTILINE) if listed else ():
        yield from each_help(folder, *command, name)


# ---- the check itself can fail


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("97,017.07 dollars", "97,017.08 dollars", "97,017.08 has no computation"),
        ("≥ 109,187.98", "≥ 109,187.99", "does not answer"),
        ("217.59 GB, 9.79 USD", "217.59 GB, 9.97 USD", "does not answer"),
        ("would take 21,348.90", "would take much", "21,348.90 stands nowhere"),
    ],
)
def test_a_figure_that_is_changed_is_found(
    right: str, wrong: str, said: str, answers: Callable[[str], str]
) -> None:
    text = GUIDE.read_text()
    assert right in text

    found = problems(text.replace(right, wrong), COMPUTED[str(GUIDE.relative_to(ROOT))], answers)

    assert any(said in one for one in found)


def test_python_that_prints_something_else_is_found() -> None:
    text = "```python\na = 1\n\na + 1  # -> 3\na  # -> 1\n```"

    assert list(told_wrong(text)) == ["`a + 1` is 2, not 3"]


def test_a_price_that_changes_makes_its_figures_wrong() -> None:
    """As if the computation had moved: the text says 1.00."""
    found = list(problems("It costs $1.00.", {"1.00": lambda: Decimal("1.01")}, str))

    assert found == ["line 1: 1.00 is 1.01"]


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("$1,234.50 and USD 12.3", ["1,234.50", "12.3"]),
        ("it costs 5 dollars, or 30 cents", ["5", "30"]),
        ("cost: {limit_usd: 20000, source_egress_usd_per_gb: 0.05}", ["20000", "0.05"]),
        ("--push-usd-hour 0.8 --egress-usd-per-gb=0.05", ["0.8", "0.05"]),
        ("--price carrier.circuit.month=450 --credits 99", ["450", "99"]),
        ("price: {carrier.circuit.month: 1500}, credits: 20", ["1500", "20"]),
        ('{"price": "0.045", "usd": "12.5"}', ["0.045", "12.5"]),
        ("less by 97,017.072, and -21,348.90", ["97,017.072", "-21,348.90"]),
        ("3,705.20 GB in 0.31 s, 2,112,239.60 GB; 1.17 x as fast, --max-cost USD, 28.15 %", []),
        ("5 dollars in place of 7.25. With Python 3.11 in 0.31 s", ["5", "7.25"]),
        ("version 6.25", []),
        ("```\nlakeferry cost x\n```\n\n```text\n$5\n```\nthen $6", ["6"]),
    ],
)
def test_what_is_a_dollar_figure(text: str, figures: list[str]) -> None:
    assert [one.text for one in figures_in(text)] == figures
