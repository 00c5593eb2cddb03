"""RL settings of "Demystifying Long Chain-of-Thought Reasoning in LLMs" (arXiv 2502.03373), table by table: `preset = "table-7"`.

Their batch size is a number of prompts for a rollout and of completions for an update: the same number, so a rollout is trained on in as
many updates as a prompt has samples. What is the same in all of them is a default of `RlTrainConfig`. Where a table has several rows that
differ in the reward alone, the last one is meant. Not here: Table 16 (REINFORCE++, stopped early).
"""

from __future__ import annotations

from typing import Any, Literal

RlPreset = Literal[
    "table-7",
    "table-8",
    "table-9-figure-4",
    "table-9-figure-5",
    "table-10-a",
    "table-10-b",
    "table-10-c",
    "table-11-4k",
    "table-11-8k",
    "table-11-16k",
    "table-12",
    "table-13",
    "table-14",
    "table-15-base",
    "table-15-long-cot",
]


def _run(episodes: int, samples: int, critic: float = 9e-6, inner: int = 1, **more: Any) -> dict[str, Any]:
    sizes = {"batch_size": 512, "prompts_per_rollout": 512, "max_prompt_tokens": 2048, "max_completion_tokens": 14_336}
    rates = {"learning_rate": 5e-7, "critic_learning_rate": critic, "kl": 0.01, "gae_lambda": 1.0}
    return sizes | rates | {"epochs": float(episodes), "samples_per_prompt": samples, "inner_epochs": inner} | more


def _reward(*parts: str, repetition_discount: float = 0.99, **settings: Any) -> dict[str, Any]:
    return {"parts": list(parts), "discount": 1.0, "repetition_discount": repetition_discount} | settings


BOTH = ("cosine", "repetition")
RL_PRESETS: dict[str, dict[str, Any]] = {
    # section 3.2, with one discount of 1 for both rewards as it is printed
    "table-7": _run(4, 4, reward=_reward(*BOTH, repetition_discount=1.0)),
    # section 4.1
    "table-8": _run(8, 8, 4.5e-6, reward=_reward("classic")),
    # section 4.2
    "table-9-figure-4": _run(8, 8, 4.5e-6, reward=_reward("cosine")),
    "table-9-figure-5": _run(8, 16, inner=2, reward=_reward(*BOTH)),
    # section 4.3
    "table-10-a": _run(4, 4, reward=_reward(*BOTH, cosine={"preset": "A"})),
    "table-10-b": _run(4, 4, reward=_reward(*BOTH, cosine={"preset": "B"})),
    "table-10-c": _run(4, 4, reward=_reward(*BOTH, cosine={"preset": "C"})),
    # section 4.4: windows of 4, 8 and 16 thousand tokens, of which the prompt has 2,048
    "table-11-4k": _run(8, 8, reward=_reward(*BOTH), max_completion_tokens=2048),
    "table-11-8k": _run(8, 8, reward=_reward(*BOTH), max_completion_tokens=6144),
    "table-11-16k": _run(8, 8, reward=_reward(*BOTH)),
    # section 4.5
    "table-12": _run(8, 16, inner=2, reward=_reward(*BOTH)),
    # section 4.6, the best of its grid of discounts
    "table-13": _run(4, 4, reward=_reward(*BOTH, repetition_discount=0.999)),
    # section 5.2
    "table-14": _run(1, 4, reward=_reward(*BOTH)),
    # section 6: 1 for right, -0.5 for wrong, -1 for no answer; a missing answer that was not cut off is paid as a wrong one here
    "table-15-base": _run(
        20,
        8,
        reward=_reward(
            "cosine", cosine={"correct_at_zero": 1, "correct_at_max": 1, "wrong_at_zero": -0.5, "wrong_at_max": -0.5, "exceeded": -1}
        ),
        gae_lambda=0.95,
        batch_size=128,
        prompts_per_rollout=1024,
        max_prompt_tokens=1024,
        max_completion_tokens=3072,
    ),
    # section 6.4
    "table-15-long-cot": _run(8, 8, 4.5e-6, reward=_reward(*BOTH, repetition_discount=1.0)),
}
