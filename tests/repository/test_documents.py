"""Documents that come from code are fresh, doctests hold, and the README's claims can be run."""

import doctest
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import cotkit

ROOT = Path(__file__).parents[2]


def test_generated_documents_are_fresh() -> None:
    answer = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


def test_doctests_hold() -> None:
    tried = 0
    for package in ("schemas", "verifiers", "pipelines", "cli", "data"):
        for found in pkgutil.walk_packages([str(ROOT / package)], f"cotkit.{package}."):
            result = doctest.testmod(import_module(found.name), optionflags=doctest.ELLIPSIS)
            assert result.failed == 0, found.name
            tried += result.attempted
    assert tried > 10


def test_documents_speak_of_the_project_alone() -> None:
    words = ("/" + "work/", "/root" + "/", "python" + "hosted", "registry" + ".npmjs")
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    assert [(page.name, word) for page in pages for word in words if word in page.read_text(encoding="utf-8")] == []


def test_the_package_imports_as_cotkit() -> None:
    assert Path(cotkit.__file__ or "").parent == ROOT
