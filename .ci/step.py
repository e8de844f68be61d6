"""Run steps of the checks that a change must pass, each in an environment of its own.

``python .ci/step.py fresh-clone wheel all-extras docs`` is what `.ci/run` does; hosted machines run the same
steps.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from environment import ROOT, Environment, clean_variables, run
from outcomes import Counts, StepError, check_results

if TYPE_CHECKING:
    from collections.abc import Callable

CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
OLDEST = ROOT / ".ci" / "oldest.txt"
# Without mask-rcnn: torchvision and a build of torch for processors alone need not fit together.
EVERYTHING = "[all,openvino,train,test]"


def fresh_clone(folder: Path) -> Counts:
    """Clone what is committed, and run the README's commands there: nothing else is installed or set."""
    clone = folder / "skysieve"
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    run("git", "clone", "--quiet", ROOT.as_uri(), clone)
    run("git", "checkout", "--quiet", "--detach", commit, cwd=clone)
    report = folder / "results.xml"
    variables = clean_variables() | {"SKYSIEVE_CACHE": str(folder / "cache")}
    section = (clone / "README.md").read_text(encoding="utf-8").split("## Quick start")[1].split("\n## ")[0]
    commands = re.findall(r"^\$ (make \w+)", section, re.MULTILINE)
    if commands != ["make demo", "make test"]:
        raise StepError(f"the commands of the quick start in the README are {commands}")
    run(*commands[0].split(), cwd=clone, variables=variables)
    for product in ("frame.fits", "frame.mask.fits"):
        if not (clone / "demo" / product).exists():
            raise StepError(f"{commands[0]} left no demo/{product}")
    # The one thing that a reader of the README does not set: where pytest leaves its results
    noted = {"PYTEST_ADDOPTS": f'"--junitxml={report}"'}
    run(*commands[1].split(), cwd=clone, variables=variables | noted, check=False)
    return check_results(report, "fresh-clone")


def wheel(folder: Path) -> Counts:
    """Build the source distribution and from it the wheel, and use the wheel without any extra."""
    built = build(folder)
    (package,) = built.glob("*.whl")
    bare = Environment(folder / "bare")
    bare.install(package)
    work = folder / "work"
    work.mkdir()
    report = folder / "results.xml"
    # Published weights that were converted before are not there
    variables = {"SKYSIEVE_CACHE": str(folder / "cache")}
    bare.run(ROOT / ".ci" / "bare_wheel.py", report, cwd=work, variables=variables, check=False)
    return check_results(report, "wheel")


def all_extras(folder: Path) -> Counts:
    """Run linters, types and the whole fast suite with all that can be installed."""
    full = Environment(folder / "full")
    linters = ["--editable", f"{ROOT}{EVERYTHING[:-1]},lint]"]
    full.install(*linters, constraints=CONSTRAINTS)
    if sys.platform == "linux":  # they read the same files everywhere
        full.run(ROOT / ".ci" / "lint.py")
    return run_tests(full, folder, "all-extras")


def docs(folder: Path) -> Counts:
    """Build the pages; a warning is an error."""
    pages = Environment(folder / "pages")
    pages.install("--editable", f"{ROOT}[docs]")
    pages.run("-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder / "site")
    return Counts(passed=1)


def oldest(folder: Path) -> Counts:
    """Run the fast suite with all extras on the oldest releases that are supported."""
    old = Environment(folder / "old")
    old.install("--editable", f"{ROOT}{EVERYTHING}", constraints=OLDEST)
    return run_tests(old, folder, "oldest")


def sdist(folder: Path) -> Counts:
    """Run the fast suite from the unpacked source distribution."""
    built = build(folder)
    (archive,) = built.glob("*.tar.gz")
    shutil.unpack_archive(archive, folder / "unpacked", filter="data")
    (source,) = (folder / "unpacked").iterdir()
    plain = Environment(folder / "plain")
    plain.install(f"{source}[test]")
    return run_tests(plain, folder, "sdist", root=source)


def slow(folder: Path) -> Counts:
    """Run the slow tests with all extras."""
    full = Environment(folder / "full")
    full.install("--editable", f"{ROOT}{EVERYTHING}", constraints=CONSTRAINTS)
    return run_tests(full, folder, "slow", "-m", "slow")


def build(folder: Path) -> Path:
    """Build both distributions and check how an index would show them; return where they are."""
    tools = Environment(folder / "tools")
    tools.install("build", "twine")
    built = folder / "dist"
    tools.run("-m", "build", "--outdir", built, ROOT)
    tools.run("-m", "twine", "check", "--strict", *sorted(built.iterdir()))
    return built


def run_tests(environment: Environment, folder: Path, step: str, *options: str, root: Path = ROOT) -> Counts:
    """Run pytest in an environment, with the real frames if there are any."""
    report = folder / "results.xml"
    data = real_data()
    variables = {"SKYSIEVE_CACHE": str(folder / "cache")}
    if data is not None:
        variables["SKYSIEVE_TEST_DATA"] = str(data)
    # Slow tests measure memory and find most processors busy by themselves
    spread = () if step == "slow" else ("-n", "auto", "--dist", "loadfile")
    pytest = ("-m", "pytest", "-q", f"--junitxml={report}", "-p", "no:cacheprovider", *spread, *options)
    environment.run(*pytest, cwd=root, variables=variables, check=False)
    return check_results(report, step, real_data=data is not None)


def real_data() -> Path | None:
    """Return the folder of real frames and reference outputs, which are not in the repository."""
    beside = ROOT.parent / "shared" / "data"
    named = os.environ.get("SKYSIEVE_TEST_DATA") or (str(beside) if beside.is_dir() else "")
    return Path(named).resolve() if named else None


STEPS: dict[str, Callable[[Path], Counts]] = {
    "fresh-clone": fresh_clone,
    "wheel": wheel,
    "all-extras": all_extras,
    "docs": docs,
    "oldest": oldest,
    "sdist": sdist,
    "slow": slow,
}


def main() -> None:
    """Run the named steps, all of them whatever fails, and say how they ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("steps", nargs="+", choices=STEPS, metavar="STEP", help=", ".join(STEPS))
    total, problems, ends = Counts(), [], []
    for name in parser.parse_args().steps:
        print(f"\n===== {name}: {(STEPS[name].__doc__ or '').strip()}", flush=True)
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"skysieve-{name}-", ignore_cleanup_errors=True) as folder:
            try:
                counts = STEPS[name](Path(folder).resolve())
            except StepError as error:
                counts = error.counts
                problems.append(f"{name}: {error}")
        total += counts
        ends.append(
            f"{name:12} {'failed' if counts.failed else 'passed':7} {time.monotonic() - start:6.0f} s"
        )
    print("\n" + "\n".join([*ends, *problems]))
    print(f"tests: {total}", flush=True)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
