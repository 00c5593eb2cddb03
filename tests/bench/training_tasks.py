r"""The tasks and the small model that the training benchmarks share: seeded, checkable by rule, trained on by cotkit's own export.

`shop`, for a real small model; half of a worked chain's lines may hold a slip, which verification finds:

    Ana has 34 pears, buys 27 more and gives 15 away. How many pears does Ana have now?
    34 + 27 = 61. 61 - 15 = 46. The answer is \boxed{46}.

`search`, for a model that starts from random weights. A problem is `a b`; wanted is the x below M with a + x = b. The model has learnt
to try: a, x, their sum, b and how they compare, until it hits, or gives up. It has not learnt to subtract, so who searches longer is
right more often. A problem that no x below M solves stands for what is too hard for the policy.

    7 12
    7 3 10 12 low 7 6 13 12 high 7 5 12 12 yes . \boxed{ 5 }
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

SMALLEST_NOT = 8
"""M: the numbers that are tried lie below it."""
UNSOLVABLE = "99"
"""Gold answer of a problem without an x: no try is ever this."""
THINGS = ("pears", "pens", "coins", "cards", "shells", "books", "stamps", "cups")
NAMES = ("Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo")


def shop_problems(count: int, seed: int) -> list[dict[str, Any]]:
    """Give `count` problems of two steps with two-digit numbers, each once; another seed gives others, which may overlap."""
    draw, problems = random.Random(seed), {}
    while len(problems) < count:
        start, more, less = draw.randint(11, 60), draw.randint(11, 39), draw.randint(11, 49)
        name, things = draw.choice(NAMES), draw.choice(THINGS)
        if start + more > less:
            text = f"{name} has {start} {things}, buys {more} more and gives {less} away. How many {things} does {name} have now?"
            problems[text] = {"prompt": text, "answer": str(start + more - less), "kind": "number", "numbers": [start, more, less]}
    return list(problems.values())


def shop_chain(problem: dict[str, Any], draw: random.Random, slips: float) -> str:
    """Write a worked chain; each of its two lines is off by 1 or 10 with probability `slips`."""
    start, more, less = problem["numbers"]
    middle = start + more + (draw.choice((-10, -1, 1, 10)) if draw.random() < slips else 0)
    end = middle - less + (draw.choice((-10, -1, 1, 10)) if draw.random() < slips else 0)
    return f"{start} + {more} = {middle}. {middle} - {less} = {end}. The answer is \\boxed{{{end}}}."


def search_problems(solvable: bool = True) -> list[dict[str, Any]]:
    """Give all M * M problems that have an x, or as many that have none, shuffled by a fixed seed."""
    numbers = range(SMALLEST_NOT)
    problems = []
    for a in numbers:
        hits = {a + x for x in numbers}
        for b in sorted(hits) if solvable else [b for b in range(2 * SMALLEST_NOT) if b not in hits]:
            problems.append({"prompt": f"{a} {b}", "answer": str(b - a) if solvable else UNSOLVABLE, "kind": "number"})
    random.Random(5).shuffle(problems)
    return problems


def search_chain(problem: dict[str, Any], draw: random.Random, give_up: float, repeat: float) -> str:
    """Write a search that hits or gives up with probability `give_up` after each try; a try was made before with probability `repeat`."""
    a, b = map(int, problem["prompt"].split())
    tried: list[int] = []
    while True:
        fresh = [x for x in range(SMALLEST_NOT) if x not in tried]
        x = draw.choice(tried if tried and (not fresh or draw.random() < repeat) else fresh)
        tried.append(x)
        if a + x == b or draw.random() < give_up:
            tries = " ".join(f"{a} {x} {a + x} {b} {compared(a + x, b)}" for x in tried)
            return f"{tries} . \\boxed{{ {x} }}"


def compared(total: int, wanted: int) -> str:
    return "yes" if total == wanted else "low" if total < wanted else "high"


def write_small_model(folder: Path, seed: int) -> None:
    """Write a Llama of some 70,000 random weights with a word for each number and a chat template."""
    import torch
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    special = ["<pad>", "<user>", "<assistant>", "<end>"]
    words = [*special, "<unk>", *map(str, range(2 * SMALLEST_NOT)), "low", "high", "yes", ".", "\\boxed{", "}"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    tokenizer.save(str(folder / "tokenizer.json"))
    template = (
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}<end>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>", "pad_token": "<pad>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": template}), encoding="utf-8")
    torch.manual_seed(seed)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
    ends = {"bos_token_id": None, "eos_token_id": words.index("<end>"), "pad_token_id": words.index("<pad>")}
    config = LlamaConfig(vocab_size=len(words), max_position_embeddings=512, tie_word_embeddings=True, **sizes, **ends)
    LlamaForCausalLM(config).save_pretrained(folder)
