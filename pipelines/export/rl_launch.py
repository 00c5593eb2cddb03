"""The fragment of a launch line that goes with a prompt set: where its rows, its reward and its lengths go in the trainer's own words."""

from __future__ import annotations

from typing import NamedTuple, Self

from ...schemas.recipe import RlFormat

BYTES_PER_TOKEN = 2
"""A prompt has at most about one token for so many bytes: LaTeX has some 2.5 to 3, Chinese 3."""
TEMPLATE_TOKENS = 64
"""What a chat template adds to a prompt."""


class Lengths(NamedTuple):
    """Tokens to leave room for."""

    prompt: int
    response: int

    @classmethod
    def of(cls, prompt_bytes: int, response_tokens: int) -> Self:
        """Round up: the longest prompt in bytes to a multiple of 128 tokens, the longest right response to one of 256.

        >>> Lengths.of(300, 5000)
        Lengths(prompt=256, response=5120)
        """
        prompt = prompt_bytes // BYTES_PER_TOKEN + TEMPLATE_TOKENS
        return cls(-(-prompt // 128) * 128, -(-response_tokens // 256) * 256)


HEAD = """\
# A fragment of a launch line for {trainer}, made by `cotkit export rl`; each export writes it again, so copy what you need.
# Longest prompt at most {prompt} tokens (estimated from its bytes), longest right response of the run {response} tokens:
# trainers cut longer ones off, or drop their prompts, without a word. The reward module needs cotkit in the trainer's environment.
DATA="$(cd "$(dirname "$0")" && pwd)"
"""
LINES: dict[RlFormat, tuple[str, str]] = {
    "trl": (
        "TRL 1.16",
        """\
cd "$DATA" && trl grpo --model_name_or_path "$MODEL" --dataset_name "$DATA" --output_dir "$OUT" \\
    --reward_funcs cotkit_reward.correctness --max_completion_length {response}
""",
    ),
    "verl": (
        "verl 0.9",
        """\
python -m verl.trainer.main_ppo algorithm.adv_estimator=grpo actor_rollout_ref.model.path="$MODEL" \\
    data.train_files="[{listed}]" data.val_files="$VALIDATION" \\
    data.max_prompt_length={prompt} data.max_response_length={response} \\
    reward.custom_reward_function.path="$DATA/cotkit_reward.py" reward.custom_reward_function.name=compute_score
""",
    ),
    "openrlhf": (
        "OpenRLHF 0.11",
        """\
python -m openrlhf.cli.train_ppo_ray --actor.model_name_or_path "$MODEL" \\
    --data.prompt_dataset "$DATA" --data.input_key prompt --data.label_key problem --data.apply_chat_template \\
    --data.max_len {total} --reward.remote_url "$DATA/cotkit_reward.py"
""",
    ),
    "nemo-rl": (
        "NeMo-RL",
        """\
# import cotkit_reward in the script that starts the training; without it, data.default.env_name=math is NeMo-RL's own verifier
PYTHONPATH="$DATA" uv run examples/run_grpo.py policy.model_name="$MODEL" policy.max_total_sequence_length={total} \\
    data.train.dataset_name=ResponseDataset data.train.data_path="$DATA/train.jsonl" data.max_input_seq_length={prompt} \\
    data.train.input_key=input data.train.output_key=output data.default.processor=math_hf_data_processor \\
    data.default.env_name=cotkit +env.cotkit.num_workers=1
""",
    ),
    "open-instruct": (
        "open-instruct",
        """\
# once cotkit_reward is imported its verifier takes the place of `math`; without it, open-instruct's own judges the same rows
PYTHONPATH="$DATA" python -c 'import cotkit_reward, runpy; runpy.run_module("open_instruct.grpo_fast", run_name="__main__")' \\
    --model_name_or_path "$MODEL" --dataset_mixer_list "$DATA/train.jsonl" 1.0 --apply_verifiable_reward true \\
    --max_prompt_token_length {prompt} --response_length {response} --pack_length {total}
""",
    ),
    "prime-rl": (
        "prime-rl and verifiers 0.4",
        """\
uv pip install -e "$DATA"    # the taskset `cotkit-reward`; `vf-validate cotkit-reward` checks its gold answers
# in the configuration: taskset id = "cotkit-reward", seq_len = {total}, max_tokens = {response} for sampling
""",
    ),
    "skyrl": (
        "SkyRL",
        """\
# call cotkit_reward.register_cotkit() in the Ray task that trains, before SkyRL's own entry point
PYTHONPATH="$DATA" python -m skyrl_train.entrypoints.main_base trainer.policy.model.path="$MODEL" \\
    data.train_data="[{listed}]" environment.env_class=cotkit trainer.max_prompt_length={prompt} \\
    generator.max_input_length={prompt} generator.sampling_params.max_generate_length={response}
""",
    ),
    "slime": (
        "slime",
        """\
PYTHONPATH="$DATA:$PYTHONPATH" python train.py --hf-checkpoint "$MODEL" --prompt-data "$DATA/train.jsonl" \\
    --input-key prompt --label-key label --metadata-key metadata --apply-chat-template \\
    --rollout-max-prompt-len {prompt} --rollout-max-response-len {response} --custom-rm-path cotkit_reward.reward
""",
    ),
    "areal": (
        "AReaL",
        """\
# in the training script: train_dataset = load_dataset("parquet", data_files="$DATA/*.parquet", split="train")
# and RLVRWorkflow(reward_fn="cotkit_reward.reward_fn", ...) with PYTHONPATH="$DATA"; in the configuration:
# train_dataset.max_length={prompt} gconfig.max_new_tokens={response}
""",
    ),
}


def launch_text(format: RlFormat, files: list[str], lengths: Lengths) -> str:
    """Write the fragment for a set whose rows stand in `files`."""
    trainer, line = LINES[format]
    listed = ",".join(f"$DATA/{name}" for name in files)
    prompt, response = lengths
    fields = {"trainer": trainer, "listed": listed, "prompt": prompt, "response": response, "total": prompt + response}
    text = HEAD + line
    for name, value in fields.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
