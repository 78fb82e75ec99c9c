"""Make two ZIP files of the course: one for learners, without solutions and tests, and one with all.

    python website/release.py                # into website/release/
    python website/release.py --to FOLDER

What git tracks goes in, as it lies in the working tree. For learners all is left out that belongs to those who teach or
change the course (LEFT_OUT), and the sentences that lead there. The same commit gives the same bytes.
"""

import argparse
import json
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "notebooks"))

from classroom.handed_in import SOLUTIONS, without_solutions

ROOT = Path(__file__).resolve().parent.parent
NAME = "pytorch-cell-by-cell"

# Of no use to a learner, or not for a learner's eyes: solutions, answers, what slides' notes tell in advance.
LEFT_OUT = re.compile(
    r"(tests|slides|website|\.ci|\.github|notebooks/(\w+/)?solutions)/.*"
    r"|(CONTRIBUTING|CHANGELOG).*|pyproject\.toml|(.*/)?ruff\.toml"
)
# README's sections that tell of it.
SECTIONS = {"If you are teaching", "If you change the course", "如果你要讲课", "如果你要修改课程"}
KEPT = re.compile(r"^(?:MIT licence, |采用 MIT 许可证).*\n", re.MULTILINE)  # that ends the last of them


def git(*arguments: str, root: Path = ROOT) -> str:
    """What git prints. Raises SystemExit with one sentence if it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, encoding="utf-8", check=False
        )
    except FileNotFoundError:
        sys.exit("release.py needs git, which says which files belong to the course.")
    if done.returncode != 0:
        sys.exit(f"release.py: git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def tracked(root: Path = ROOT) -> dict[str, int]:
    """The course's files, in order, each with its permissions."""
    files = {}
    for entry in git("ls-files", "--stage", "-z", root=root).split("\0")[:-1]:
        about, _, name = entry.partition("\t")
        files[name] = 0o755 if about.startswith("100755") else 0o644
    return dict(sorted(files.items()))


def without_sections(readme: str) -> str:
    """README for learners."""
    first, *sections = re.split(r"^(?=## )", readme, flags=re.MULTILINE)
    kept = [first]
    for section in sections:
        if section.partition("\n")[0].removeprefix("## ") in SECTIONS:
            kept += KEPT.findall(section)
        else:
            kept.append(section)
    return SOLUTIONS.sub("", "".join(kept))


def for_learners(name: str, content: bytes) -> bytes | None:
    """A file as learners get it; None if they do not."""
    if LEFT_OUT.fullmatch(name):
        return None
    if name.startswith("README"):
        return without_sections(content.decode("utf-8")).encode("utf-8")
    if re.fullmatch(r"notebooks/(\w+/)?\d\d_\w+\.ipynb", name):
        notebook = json.loads(content)
        if (bare := without_solutions(notebook)) != notebook:
            return (json.dumps(bare, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
    return content


def write(path: Path, files: dict[str, int], learners: bool, time: datetime, root: Path = ROOT) -> None:
    """Write a ZIP file with these files in one folder. Raises OSError if it cannot be written."""
    with zipfile.ZipFile(path, "w") as out:
        for name, mode in files.items():
            content = (root / name).read_bytes()
            if learners:
                content = for_learners(name, content)
            if content is None:
                continue
            entry = zipfile.ZipInfo(f"{NAME}/{name}", time.timetuple()[:6])
            entry.create_system, entry.external_attr = 3, (0o100000 | mode) << 16  # as Unix writes it
            out.writestr(entry, content, zipfile.ZIP_DEFLATED)


def release(folder: Path, root: Path = ROOT) -> list[Path]:
    """Make both files in `folder`; returns their paths."""
    files = tracked(root)
    time = datetime.fromtimestamp(int(git("log", "-1", "--format=%ct", root=root)), UTC)
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / f"{NAME}-learners.zip", folder / f"{NAME}-all.zip"]
    for path in made:
        write(path, files, path == made[0], time, root)
    return made


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=ROOT / "website" / "release", metavar="FOLDER")
    folder = parser.parse_args().to
    if changed := git("status", "--porcelain", "--untracked-files=no").splitlines():
        print(f"{len(changed)} files differ from the last commit; they go in as they are.", file=sys.stderr)
    try:
        made = release(folder)
    except OSError as error:
        sys.exit(f"release.py: {error.filename} ({error.strerror})")
    for path in made:
        print(f"{path}  {path.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
