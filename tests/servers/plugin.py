"""The example plug-in, built as a wheel and installed into a folder of its own."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "examples" / "processor-plugin"
POINTS_FILE = "LOYALTY_POINTS_FILE"


def installed(folder: Path) -> Path:
    """Build the wheel, and lay it out as an installer does: a wheel is an archive of its files.

    The answer belongs on the path of the processes that shall have the plug-in.
    """
    source, site = folder / "plugin", folder / "site"
    shutil.copytree(SOURCE, source, dirs_exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=source, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def with_plugin(folder: Path) -> dict[str, str]:
    """The environment of a process that has it."""
    return {
        "PYTHONPATH": str(installed(folder)),
        POINTS_FILE: str(points_file(folder)),
    }


def points_file(folder: Path) -> Path:
    """Where the effect writes."""
    return folder / "points.jsonl"
