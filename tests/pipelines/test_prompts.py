"""A problem becomes the same messages for every sample; only the problem's place in the template is replaced."""

import pytest
from cotkit.pipelines.prompts import render_messages, student_messages, user_message
from cotkit.schemas.recipe import SampleConfig, Shot

TEMPLATES = [
    pytest.param("{prompt}\nUse \\boxed{}.", "2?", "2?\nUse \\boxed{}.", id="braces-of-the-template"),
    pytest.param("Q: {prompt}", "Is {x} in {prompt}?", "Q: Is {x} in {prompt}?", id="braces-of-the-problem"),
    pytest.param("{prompt} {{kept}} %s", "$\\frac{1}{2}$", "$\\frac{1}{2}$ {{kept}} %s", id="no-other-templating"),
]


@pytest.mark.parametrize(("template", "prompt", "message"), TEMPLATES)
def test_only_the_problem_is_put_in(template: str, prompt: str, message: str) -> None:
    assert user_message(template, prompt) == message


def test_system_then_shots_then_problem() -> None:
    config = SampleConfig(system_prompt="Think.", prompt_template="Q: {prompt}", shots=[Shot(prompt="1?", response="One.")])
    system, last = {"role": "system", "content": "Think."}, {"role": "user", "content": "Q: 2?"}
    shot = [{"role": "user", "content": "Q: 1?"}, {"role": "assistant", "content": "One."}]
    assert render_messages("2?", config) == [system, *shot, last]
    assert student_messages("2?", config) == [system, last]


def test_without_a_system_prompt_there_is_no_system_message() -> None:
    config = SampleConfig(prompt_template="{prompt}")
    assert render_messages("2?", config) == student_messages("2?", config) == [{"role": "user", "content": "2?"}]
