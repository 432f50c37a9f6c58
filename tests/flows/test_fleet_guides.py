"""Each command of the guides about a migration, typed as printed, one after another."""

from pathlib import Path

from tests.cli.program import called
from tests.clone.small import append, clone, new_table
from tests.fleet.plans import wanted_in
from tests.flows import fleets
from tests.flows.guides import commands

# Commands that ask: 3 is an answer.
ASKING = ("explain", "--check")
YES = (["sync"], ["sync", "atlas.lfp", "--replan"])  # what a person would say


def atlas(folder: Path) -> None:
    """Three tables of two sources, the second in wave 2."""
    for name in ("sales/eu/orders", "sales/eu/items", "logs/eu/events"):
        fleets.append(folder / "lake" / name)
    lines = (
        "version: 1",
        "name: atlas",
        f"target: {{root: {folder}/out}}",
        "sources:",
        f"  sales: {{kind: local, root: {folder}/lake/sales}}",
        f"  logs: {{kind: local, root: {folder}/lake/logs, wave: 2}}",
        "waves: {1: {cutover: manual}, 2: {after: 1, cutover: manual}}",
    )
    (folder / "lakeferry.yaml").write_text("\n".join((*lines, "")))


def test_the_guide_about_plans_does_what_it_prints(tmp_path: Path) -> None:
    made = [new_table(tmp_path / "sales" / "eu" / name, "a", "b") for name in ("items", "orders")]
    new_table(tmp_path / "logs" / "eu" / "events", "c")
    wanted_in(tmp_path)
    manifest = tmp_path / "lakeferry.yaml"
    manifest.write_text(manifest.read_text().replace('lake"}', 'lake", region: us-east-1}', 1))
    clone(made[1], tmp_path / "lake" / "sales" / "eu" / "orders")
    append(made[1], 1, "d")
    found = commands("plan-a-migration.md")

    assert len(found) > 10
    for _, *words in found:
        if "rebuild-ledger" in words:
            for file in tmp_path.glob("ledger.db*"):
                file.unlink()
        ended = called(*words, folder=tmp_path)
        may_be = (0, 3) if any(word in words for word in ASKING) else (0,)
        assert ended.returncode in may_be, (words, ended.stderr)
        assert ended.stdout


def test_the_guide_about_syncing_can_be_typed(tmp_path: Path) -> None:
    atlas(tmp_path)
    found = commands("sync-a-fleet.md")

    assert len(found) > 10
    for _, *words in found:
        more = ["--max-time", "2 s"] if "--follow" in words else []
        more += ["--yes"] if words in YES else []
        ended = called(*words, *more, folder=tmp_path)
        assert ended.returncode == 0, (words, ended.stderr)
    assert {one.name for one in (tmp_path / "out").glob("*/*/*")} == {"orders", "items", "events"}


def test_the_guide_about_proving_can_be_typed(tmp_path: Path) -> None:
    atlas(tmp_path)
    for first in (("discover",), ("sync", "--yes")):
        assert called(*first, folder=tmp_path).returncode == 0
    found = commands("prove-a-fleet.md")

    assert len(found) == 6
    for _, *words in found:
        ended = called(*words, folder=tmp_path)
        assert ended.returncode == 0, (words, ended.stdout, ended.stderr)
    assert (tmp_path / "proof.html").exists()
    assert (tmp_path / "proof.json").exists()
