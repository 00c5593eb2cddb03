"""The package list, the shipped data and the version are what an installation needs."""

import tomllib
from pathlib import Path

import cotkit

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_package_list_names_every_folder_with_code() -> None:
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    folders = {path.parent for layer in ("schemas", "verifiers", "pipelines", "cli", "data") for path in (ROOT / layer).rglob("*.py")}
    assert listed == {"cotkit"} | {".".join(["cotkit", *folder.relative_to(ROOT).parts]) for folder in folders}


def test_every_package_folder_has_an_init() -> None:
    listed = [name.split(".")[1:] for name in PROJECT["tool"]["setuptools"]["packages"]]
    assert [parts for parts in listed if not ROOT.joinpath(*parts, "__init__.py").exists()] == []


def test_every_shipped_data_file_matches_a_package_data_pattern() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["cotkit.data"]
    files = [path for path in (ROOT / "data").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert files
    assert [str(path) for path in files if not any(path.match(pattern.removeprefix("**/")) for pattern in patterns)] == []


def test_the_version_is_written_once() -> None:
    assert cotkit.__version__ == PROJECT["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {PROJECT['project']['version']}" in changelog


def test_the_root_holds_nothing_but_the_layout() -> None:
    layout = {"cli", "data", "docs", "pipelines", "schemas", "tests", "verifiers"}
    files = {
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "__init__.py",
        "__main__.py",
        "constraints.txt",
        "py.typed",
        "pyproject.toml",
    }
    tracked = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and not path.name.endswith(".egg-info")}
    assert tracked - {"build", "dist", "__pycache__", "cotkit-demo", "runs"} == layout | files
