"""Everything that reads the repository without running the package: style, types, contracts, workflows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = str(Path(sys.executable).parent)

WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))

CHECKS = [
    ["ruff", "check"],
    ["ruff", "format", "--check"],
    ["mypy"],
    ["lint-imports", "--no-cache"],
    ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS],
    ["check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml"],
    ["towncrier", "build", "--draft", "--version", "next"],
]


def main() -> None:
    """Run all checks, and fail if any of them fails."""
    checks = list(CHECKS)
    # Its package downloads a program when it is installed, which not every machine can do.
    if shutil.which("actionlint"):
        checks.append(["actionlint", *WORKFLOWS])
    else:
        print("actionlint is not installed: workflows are checked by their schema alone", flush=True)
    failed = []
    for name, *arguments in checks:
        print("+", name, *arguments, flush=True)
        program = shutil.which(name, path=SCRIPTS) or shutil.which(name)
        if program is None or subprocess.run([program, *arguments], cwd=ROOT, check=False).returncode:
            failed.append(name if program else f"{name} (not installed)")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
