import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from lakeferry.delta.scratch import remove_abandoned

HOLDER = """
import os, sys, time
from lakeferry.delta.files import TemporaryFile
file = TemporaryFile(".parquet")
if len(sys.argv) > 1 and os.fork() == 0:
    sys.exit(0)
print(file.path, flush=True)
sys.stdin.readline()
"""


def holder(temporary: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, *options],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def its_file(process: "subprocess.Popen[str]") -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def grow_old(temporary: Path) -> None:
    past = time.time() - 3600
    for lock in temporary.glob("*/in-use"):
        os.utime(lock, (past, past))


def test_temporary_files_go_when_their_process_ends(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        file = its_file(process)
        assert file.exists()
        process.communicate("\n")

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    with holder(tmp_path) as killed, holder(tmp_path) as living:
        left, used = its_file(killed), its_file(living)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        remove_abandoned(tmp_path)
        assert left.exists()  # too young to be sure

        grow_old(tmp_path)
        remove_abandoned(tmp_path)

        assert not left.parent.exists()
        assert used.exists()
        living.communicate("\n")


def test_a_forked_child_leaves_its_parent_s_files_alone(tmp_path: Path) -> None:
    with holder(tmp_path, "fork") as process:
        file = its_file(process)
        time.sleep(0.5)
        assert file.exists()
        process.communicate("\n")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_maker_was_killed_before_it_had_a_lock_goes_once_it_is_old(
    tmp_path: Path,
) -> None:
    bare = tmp_path / "lakeferry-scratch-a1b2c3"
    bare.mkdir()
    (bare / "part-0.parquet").write_bytes(b"PAR1")
    remove_abandoned(tmp_path)
    assert bare.exists()  # its maker may be about to lock it

    past = time.time() - 7200
    os.utime(bare, (past, past))
    remove_abandoned(tmp_path)

    assert not bare.exists()


def test_a_kill_amid_a_removal_leaves_a_folder_that_is_still_known_as_abandoned(
    tmp_path: Path,
) -> None:
    with holder(tmp_path) as process:
        left = its_file(process)
        script = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "from lakeferry.delta.scratch import remove_abandoned\n"
            "def hook(event, args):\n"
            "    if event == 'os.remove' and str(args[0]).endswith('in-use'):\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
            "sys.addaudithook(hook)\n"
            "remove_abandoned(Path(sys.argv[1]))\n"
        )
        process.kill()
        process.wait()
        grow_old(tmp_path)
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)

    assert [one.name for one in left.parent.iterdir()] == ["in-use"]
    remove_abandoned(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lakeferry-notes").mkdir()

    remove_abandoned(tmp_path)

    assert (tmp_path / "lakeferry-notes").exists()


def test_a_link_that_is_named_like_an_abandoned_folder_is_not_followed(tmp_path: Path) -> None:
    """Anybody may make one in a shared `/tmp`, to whatever place of ours."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter.txt").write_text("dear")
    past = time.time() - 2 * 3600
    os.utime(tmp_path / "home", (past, past))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (temporary / "lakeferry-scratch-a").symlink_to(tmp_path / "home")

    remove_abandoned(temporary)

    assert (tmp_path / "home/letter.txt").read_text() == "dear"
