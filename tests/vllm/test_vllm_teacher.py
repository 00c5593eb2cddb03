"""The vllm teacher on a real engine and a real model; `make test-vllm` runs them on vLLM's CPU build."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.sampling.loops import PERIOD, ROUNDS, SPAN, STRIDE
from cotkit.pipelines.sampling.teacher import Completion, Request, Teacher, open_teacher
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import SampleConfig

pytestmark = pytest.mark.slow
CONTEXT = 1024
ENGINE = {"enforce_eager": True, "max_model_len": CONTEXT, "block_size": 32, "max_num_seqs": 8}
THINKING = "{% for m in messages %}{{ m.content }}{% endfor %}{{ '\\n<think>\\n' }}"

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def config(model: str, **changes: Any) -> SampleConfig:
    return SampleConfig(**({"teacher": f"vllm:{model}", "max_tokens": 32, "engine": ENGINE} | changes))


def problems() -> pl.DataFrame:
    return pl.DataFrame([Problem.make("What is 2 + 3?", "5", "number", source="t").model_dump()], schema=Problem.polars_schema())


def request(index: int = 0, prompt: str = "What is 2 + 3?", **parameters: Any) -> Request:
    sent = {"temperature": 1.0, "top_p": 0.95, "max_tokens": 32} | parameters
    return Request("p", index, [{"role": "user", "content": prompt}], sent, seed=7 + index)


@pytest.fixture(scope="module")
def opened(model: str) -> Iterator[tuple[Teacher, Run]]:
    """Give a teacher, and the loop that its engine lives in."""
    with asyncio.Runner() as runner:
        opening = open_teacher(config(model), problems())
        yield runner.run(opening.__aenter__()), runner.run
        runner.run(opening.__aexit__(None, None, None))


async def running(teacher: Teacher, wanted: int) -> None:
    """Wait until the engine's last step had so many requests."""
    deadline = time.monotonic() + 60
    while teacher.engine_facts()["running"] != str(wanted):
        assert time.monotonic() < deadline, teacher.engine_facts()
        await asyncio.sleep(0.02)


def test_samples_of_one_problem_differ_are_counted_and_say_that_the_cpu_build_took_no_seed(opened: tuple[Teacher, Run]) -> None:
    teacher, run = opened

    async def draw() -> list[Completion]:
        return await asyncio.gather(*(teacher.generate(request(index)) for index in range(16)))

    drawn = run(draw())
    assert {completion.finish_reason for completion in drawn} <= {"stop", "length"}
    assert all(1 <= (completion.completion_tokens or 0) <= 32 and completion.text for completion in drawn)
    # the last token that is allowed may be the end, too
    assert all(completion.completion_tokens == 32 for completion in drawn if completion.finish_reason == "length")
    assert any(completion.finish_reason == "length" for completion in drawn)
    assert len({completion.text for completion in drawn}) > 8
    assert not any(completion.seeded for completion in drawn)
    assert not any("<|im_" in completion.text for completion in drawn)


def test_the_prompt_is_the_chat_templates_tokens_and_shared_through_the_prefix_cache(opened: tuple[Teacher, Run]) -> None:
    teacher, run = opened
    tokenizer = teacher._engine.get_tokenizer()  # type: ignore[attr-defined]
    asked = request(prompt="What is 2 + 3? " * 20)
    expected = tokenizer.apply_chat_template(asked.messages, add_generation_prompt=True, tokenize=True, return_dict=False)
    assert teacher._prompts.render(asked.messages).token_ids == list(expected)  # type: ignore[attr-defined]
    drawn = [run(teacher.generate(asked)) for _ in range(3)]
    assert {completion.prompt_tokens for completion in drawn} == {len(expected)}
    assert teacher.engine_facts()["cache hits"] != "0%"


def test_cancelling_aborts_the_engines_request(opened: tuple[Teacher, Run]) -> None:
    teacher, run = opened
    long = {"max_tokens": 900, "ignore_eos": True}

    async def cancel() -> None:
        first = asyncio.create_task(teacher.generate(request(0, **long)))
        second = asyncio.create_task(teacher.generate(request(1, **long)))
        await running(teacher, 2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await running(teacher, 1)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)

    run(cancel())


def test_a_prompt_longer_than_the_context_is_one_outcome_and_not_the_end(opened: tuple[Teacher, Run]) -> None:
    teacher, run = opened
    refused = run(teacher.generate(request(prompt="1 + " * CONTEXT)))
    assert refused.finish_reason == "error"
    assert f"context {CONTEXT}" in refused.error
    assert run(teacher.generate(request())).error is None


def test_a_loop_is_stopped_long_before_the_token_budget(opened: tuple[Teacher, Run]) -> None:
    teacher, run = opened
    stopped = run(teacher.generate(request(max_tokens=900, allowed_token_ids=[42])))
    assert stopped.finish_reason == "repetition"
    assert SPAN <= stopped.completion_tokens <= SPAN + STRIDE + 32 < PERIOD * ROUNDS


def test_stop_strings_are_not_part_of_the_text(opened: tuple[Teacher, Run]) -> None:
    teacher, run = opened
    stopped = run(teacher.generate(request(max_tokens=200, stop=["e"], ignore_eos=True)))
    assert stopped.finish_reason == "stop"
    assert "e" not in stopped.text


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"engine": {"tensor_paralel_size": 2}}, "engine.tensor_paralel_size", "tensor_parallel_size"),
        ({"engine": {"dtype": "float17"}}, "did not start", "log: "),
        ({"engine": {"max_model_len": 10**7}}, "max_model_len", "engine.max_model_len"),
    ],
    ids=["an unknown engine argument", "a value that vLLM refuses", "a context that the model lacks"],
)
def test_wrong_settings_are_named_before_the_engine_runs(model: str, changes: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(CotkitError, match=message) as raised:
        asyncio.run(enter(config(model, **changes)))
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"topk": 20}, "'top_k'"), ({"chat_template_kwarg": {}}, "'chat_template_kwargs'"), ({"top_p": 3.0}, "top_p"), ({"n": 4}, "n: vLLM")],
    ids=["a misspelt one", "a misspelt template field", "a value out of range", "one that is ours"],
)
def test_wrong_sampling_parameters_are_named_before_the_engine_runs(model: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(CotkitError) as raised:
        asyncio.run(enter(config(model, extra=parameters)))
    assert message in str(raised.value)


def test_an_engine_that_breaks_while_it_starts_says_why(model: str, tmp_path: Any) -> None:
    """The folder has a config and a tokenizer and no weights, which only the engine's own process finds out."""
    from pathlib import Path

    for file in Path(model).iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(CotkitError, match="Cannot find any model weights") as raised:
        asyncio.run(enter(config(str(tmp_path))))
    assert "log: " in raised.value.hint


def test_reasoning_that_the_template_opens_keeps_its_mark_and_the_template_is_part_of_the_fingerprint(
    model: str, opened: tuple[Teacher, Run]
) -> None:
    from cotkit.pipelines.sampling.vllm_prompts import Prompts

    teacher, _ = opened
    own = config(model, extra={"chat_template": THINKING})
    prompts = Prompts(model, teacher._engine.get_tokenizer(), own)  # type: ignore[attr-defined]
    prompt = prompts.render([{"role": "user", "content": "Hello"}])
    assert (prompt.text, prompt.opened) == ("Hello\n<think>\n", "<think>")


def test_an_engine_that_dies_ends_the_job_with_its_log(opened: tuple[Teacher, Run]) -> None:
    """The last test of this engine."""
    import multiprocessing

    teacher, run = opened

    async def kill() -> None:
        drawing = asyncio.create_task(teacher.generate(request(max_tokens=900, ignore_eos=True)))
        await asyncio.sleep(1)
        for child in multiprocessing.active_children():
            child.kill()
        await drawing

    with pytest.raises(CotkitError, match="the engine died") as raised:
        run(kill())
    assert "log: " in raised.value.hint


async def enter(settings: SampleConfig) -> None:
    async with open_teacher(settings, problems()):
        pass
