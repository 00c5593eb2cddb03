"""What the trainers' tests share: a run with right and wrong samples, its exports, and a tiny student with a real tokenizer."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
from cotkit.pipelines.export import Exported, export_rl, export_sft
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, RlExportConfig, SampleConfig, SftExportConfig

# only where `make test-trainers` has installed the readers
if importlib.util.find_spec("llamafactory") is not None:
    sys.path.append(str(Path(__file__).parent / "stand_ins"))
if importlib.util.find_spec("verl") is not None:
    # verl 0.9 takes rope indices of pictures from transformers < 5.11; no row here has a picture
    sys.modules.setdefault("verl.models.transformers.qwen2_vl", MagicMock())

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
RECIPE = Recipe(name="trainers", sample=SampleConfig(n=2, max_tokens=512, system_prompt="Think first."))
PROBLEMS = [
    Problem.make("What is 3 + 4?", "7", "number", source="sums"),
    Problem.make("Give one half.", r"\frac{1}{2}", "math", source="fractions"),
    Problem.make("Which?\n\nA. six\nB. seven", "B", "choice", options=["six", "seven"], source="choices"),
    Problem.make("Which city?", "New York", "text", source="words"),
]
RIGHT = [r"So \boxed{7.0}.", r"It is $\boxed{0.5}$.", "The answer is seven, that is (B).", r"\boxed{New York}"]
WRONG = [r"So \boxed{8}.", r"It is $\boxed{\frac13}$.", "The answer is (A).", r"\boxed{New Jersey}"]
"""Right and wrong responses to the problems, in their order; the right ones are not written as the gold answers are."""


@pytest.fixture
def run(make_run: Any) -> Any:
    """A run of four problems, each with a right and a wrong sample that reason."""
    samples = {
        (place, index): {"outcome": "wrong" if index else "correct", "reasoning": f"Thought {place}.{index}.", "response": texts[place]}
        for index, texts in enumerate((RIGHT, WRONG))
        for place in range(len(PROBLEMS))
    }
    kept = {"kept": True, "reason": None, "splits": ["all"]}
    dropped = {"kept": False, "reason": "outcome is wrong", "splits": []}
    samples = {key: fields | (dropped if key[1] else kept) for key, fields in samples.items()}
    return make_run(recipe=RECIPE, problems=PROBLEMS, samples=samples)


@pytest.fixture
def answered() -> list[tuple[list[str], float]]:
    """Give right and wrong responses to the run's problems, in their order, and the reward that each deserves."""
    return [(RIGHT, 1.0), (WRONG, 0.0)]


@pytest.fixture
def rl(run: Any) -> Callable[[str], Exported]:
    """Give a function that exports the run's prompt set in one format."""
    return lambda format: export_rl(run, RlExportConfig(formats=[format]))[0]  # pyright: ignore[reportArgumentType]


@pytest.fixture
def sft(run: Any) -> Callable[[str], Exported]:
    """Give a function that exports the run's kept samples in one format."""
    return lambda format: export_sft(run, SftExportConfig(formats=[format]))[0]  # pyright: ignore[reportArgumentType]


@pytest.fixture
def reward_module() -> Callable[[Exported], ModuleType]:
    """Give a function that loads the reward module beside a prompt set, as trainers do: from its path."""

    def load(exported: Exported) -> ModuleType:
        spec = importlib.util.spec_from_file_location("cotkit_reward", exported.path / "cotkit_reward.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a model of some 40,000 random weights with byte-level tokens and Qwen 2.5's chat template."""
    torch = pytest.importorskip("torch", reason="torch is not installed here: `make test-trainers` makes an environment with it")
    import trl
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("student")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    template = (Path(trl.__file__).parent / "chat_templates" / "qwen2_5.jinja").read_text(encoding="utf-8")
    settings = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": template}))
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    config = Qwen2Config(vocab_size=len(letters) + len(SPECIAL), max_position_embeddings=4096, eos_token_id=258, pad_token_id=256, **sizes)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def tokenizer(student: Path) -> Any:
    """Give the student's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(student)
