r"""Rendering: a student's chat template and special tokens, with jinja alone, exactly as transformers applies them.

student = load_student("Qwen/Qwen3-8B")             # or a folder, a .jinja file, a tokenizer_config.json
student.template.render([{"role": "user", "content": "What is 3 + 4?"}], generation_prompt=True)
student.count_tokens(["<|im_start|>user\n…"])      # where its tokenizer.json is known
"""

from .student import Student, load_student
from .template import ChatTemplate, Span

__all__ = ["ChatTemplate", "Span", "Student", "load_student"]
