"""Use an installed wheel without any extra: what works, and what a verb says whose extra is missing.

Run it with the Python of the environment that holds the wheel, in an empty folder. It needs nothing that the
wheel does not bring, and writes its results as pytest does (JUnit).
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from astropy.io import fits

from skysieve.ghosts.focal_plane.decam import published_boxes
from skysieve.ghosts.focal_plane.focal_plane import GAP_LEVEL, SKY_LEVEL, SKY_SCATTER

SKYSIEVE = str(Path(sys.executable).with_name("skysieve"))
COSMIC_RAY = 1
PLANTED = (slice(100, 102), slice(60, 75))

WORK = {
    "mask": "mask frame.fits -o frame.mask.fits --preview",
    "track": "track frame.fits -o tracking.ecsv",
    "ghosts": "ghosts plane.fits",
    "models list": "models list",
    "models show": "models show skysieve --job contaminants",
    "annotations check": "annotations check plane.ghosts.json",
    "help": "--help",
    "clusters find --help": "clusters find --help",
    "train contaminants --help": "train contaminants --help",
}
"""Commands that need no extra."""

NEED = {
    "mask --model maximask": ("maximask", "mask frame.fits --model maximask -o other.fits"),
    "maximask": ("maximask", "maximask frame.fits"),
    "maxitrack": ("maximask", "maxitrack frame.fits"),
    "clusters find": ("clusters", "clusters find --maps frame.fits -o found"),
    "clusters demo": ("sky", "clusters demo -o demo"),
    "simulate frame": ("simulate", "simulate frame -o simulated.fits"),
    "simulate contaminants": ("simulate", "simulate contaminants -n 1 -o simulated"),
    "simulate tracking": ("simulate", "simulate tracking -n 1 -o simulated"),
    "simulate ghosts": ("simulate", "simulate ghosts -n 1 -o simulated"),
    "simulate sky": ("sky", "simulate sky -o sky"),
    "train contaminants": ("train", "train contaminants -o mine"),
    "train tracking": ("train", "train tracking -o mine"),
    "train ghosts": ("train", "train ghosts -o mine"),
    "train clusters": ("train", "train clusters --maps frame.fits -o mine"),
    "evaluate contaminants": ("evaluate", "evaluate contaminants --model skysieve -o report"),
    "evaluate tracking": ("evaluate", "evaluate tracking --model skysieve -o report"),
    "evaluate ghosts": (
        "evaluate",
        "evaluate ghosts --pictures . --annotations plane.ghosts.json --model skysieve -o report",
    ),
    "evaluate clusters": ("clusters", "evaluate clusters --sky . --finder mmf -o report"),
}
"""Commands that need an extra, and its name."""


def main() -> None:
    """Make inputs, run all commands, and write what became of each."""
    make_inputs()
    suite = ET.Element("testsuite", name="wheel")
    failed = False
    problems = {name: problem_of_working(command) for name, command in WORK.items()}
    problems["the mask"] = problem_of_the_mask()
    problems |= {name: problem_of_needing(*need) for name, need in NEED.items()}
    problems["the advice"] = problem_of_the_advice()
    for name, problem in problems.items():
        case = ET.SubElement(suite, "testcase", classname="wheel", name=name)
        if problem:
            failed = True
            ET.SubElement(case, "failure", message=problem)
        print(f"{'FAILED' if problem else 'ok':6} {name}{f': {problem}' if problem else ''}", flush=True)
    ET.ElementTree(suite).write(sys.argv[1])
    sys.exit(failed)


def make_inputs() -> None:
    """Write a frame with stars and a cosmic ray, and a focal plane (CCDs, gaps) without ghosts in 8 bits."""
    rng = np.random.default_rng(1)
    pixels = rng.normal(1000, 30, (256, 256))
    y, x = np.mgrid[:256, :256]
    for row, column, flux in rng.uniform((5, 5, 200), (250, 250, 4000), (40, 3)):
        pixels += flux * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)
    pixels[PLANTED] += 4000
    fits.writeto("frame.fits", pixels.astype(np.float32))
    plane = np.full((400, 400), GAP_LEVEL, np.uint8)
    sky = rng.normal(SKY_LEVEL, SKY_SCATTER, plane.shape).clip(0, 255).astype(np.uint8)
    for box in published_boxes().values():
        ccd = box.inside(plane.shape)
        plane[ccd] = sky[ccd]
    fits.writeto("plane.fits", plane)


def problem_of_working(command: str) -> str:
    """Return why a command that needs no extra did not work, or nothing."""
    done = skysieve(command)
    return "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stderr.strip()}"


def problem_of_the_mask() -> str:
    """Return what is wrong with the mask of the frame, or nothing."""
    path = Path("frame.mask.fits")
    if not path.exists():
        return "there is none"
    with fits.open(path, checksum=True) as hdus:
        (mask,) = [hdu.data for hdu in hdus if hdu.data is not None]
    found = float(((mask[PLANTED] & COSMIC_RAY) != 0).mean())
    return "" if found > 0.5 else f"only {found:.0%} of the cosmic ray is marked"


def problem_of_needing(extra: str, command: str) -> str:
    """Return what is wrong with what a command says whose extra is missing, or nothing."""
    done = skysieve(command)
    lines = done.stderr.strip().splitlines()
    if done.returncode != 1 or len(lines) != 1 or done.stdout:
        return f"exit code {done.returncode}, not one line: {done.stdout} {done.stderr}"
    right = lines[0].startswith("skysieve: error: ") and "; run: pip install " in lines[0]
    if not right or f"[{extra}]" not in lines[0] or "unexpected" in lines[0]:
        return f"does not name the extra {extra}: {lines[0]}"
    return ""


def problem_of_the_advice() -> str:
    """Do what a message advises, and return why it did not help, or nothing."""
    line = skysieve(NEED["simulate frame"][1]).stderr.strip()
    _, _, advice = line.partition("; run: ")
    program, *arguments = shlex.split(advice, posix=sys.platform != "win32") or [""]
    if program != "pip":
        return f"no command of pip: {line}"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, *(word.strip('"') for word in arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"{advice}: {done.stderr.strip()}"
    return problem_of_working(NEED["simulate frame"][1])


def skysieve(command: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    return subprocess.run([SKYSIEVE, *command.split()], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
