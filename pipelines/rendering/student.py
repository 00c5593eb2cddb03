"""The student: its chat template, special tokens and, where there is one, tokenizer, from files that every model repository has.

| `--student` | what is read |
|---|---|
| a folder | `chat_template.jinja`, or that in `chat_template.json` or `tokenizer_config.json`; tokens; `tokenizer.json` for lengths |
| `x.jinja` | the template alone; `bos_token` and `eos_token` are rendered as `<BOS>` and `<EOS>`, control tokens are found in its text |
| `x.json` | a `tokenizer_config.json` |
| `owner/model` | the same files of a model on the Hub (no weights) |

Control tokens are the special tokens, and those other added tokens that the template itself writes: spelled inside a text they would
end or open turns. `<think>` and `</think>` are not among them; the proof counts those by themselves.

`student.given({"enable_thinking": False})` is the student whose template is given that variable with every conversation.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...schemas.errors import CotkitError
from ...schemas.record import content_hash
from .counting import SPECIMENS, WordCounter, counted_whole
from .template import ChatTemplate, TemplateFailure

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILES = ("tokenizer_config.json", "chat_template.jinja", "chat_template.json", "special_tokens_map.json", "tokenizer.json")
NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
THINK_TAGS = ("<think>", "</think>")
TOKEN_LIKE = re.compile(
    r"<[|｜][^<>\s\0]{1,40}>|<[^<>\s\0]{1,40}[|｜]>|<(?:start|end)_of_[a-z_]{1,20}>|</?s>|<(?:BOS|EOS|bos|eos|sop|pad)>|\[/?(?:INST|SYS|gMASK)\]"
)
HUB_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
SET_BY_TRAINERS = {"messages", "add_generation_prompt", "tools", "documents"}
ASKED, SAID = "What was asked", "What was said"
PROBE = ({"role": "user", "content": ASKED}, {"role": "assistant", "content": SAID})


@dataclass(frozen=True)
class Student:
    """A model's side of an export: how it writes conversations, which tokens end turns, how long texts are for it."""

    name: str
    """What the user called it."""
    template: ChatTemplate
    control_tokens: tuple[str, ...]
    """Tokens that no text may spell."""
    eos_token: str | None = None
    """The token at which generation stops; None when only a template is known."""
    tokenizer_file: Path | None = None
    """Its `tokenizer.json`; None when lengths can only be estimated."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """What the template is given besides the conversation; `template` has it already."""

    def given(self, kwargs: Mapping[str, Any]) -> Student:
        """Give the student whose template is given these variables and no others; raises CotkitError on one that it does not read."""
        asks_for = sorted(self.template.asks_for - SET_BY_TRAINERS - set(NAMED))
        for name in kwargs:
            if name in SET_BY_TRAINERS:
                raise CotkitError(f"chat_template_kwargs: {name} is set by the trainer itself", "leave it out")
            if name not in asks_for:
                near = difflib.get_close_matches(name, asks_for, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it reads: {', '.join(asks_for) or 'none'}"
                raise CotkitError(f"{self.template.name} does not read the variable {name!r}", hint)
        bare = self.bare_template
        template = ChatTemplate(bare.source, {**bare.variables, **kwargs}, bare.name)
        return replace(self, template=template, kwargs=dict(kwargs))

    @cached_property
    def bare_template(self) -> ChatTemplate:
        """Give the template without the variables that it is given: what a trainer renders that cannot pass them on."""
        variables = {name: value for name, value in self.template.variables.items() if name not in self.kwargs}
        return ChatTemplate(self.template.source, variables, self.template.name)

    @cached_property
    def fingerprint(self) -> str:
        """Hash what changes a rendering, a refusal or a length."""
        tokenizer = self.tokenizer_file.read_bytes().hex() if self.tokenizer_file else ""
        return content_hash(self.template.source, self.template.variables, self.control_tokens, tokenizer)

    @cached_property
    def tokenizer(self) -> Tokenizer | None:
        """Load the tokenizer; None without a `tokenizer.json`, an error when the `tokenizers` package is missing."""
        if self.tokenizer_file is None:
            return None
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise CotkitError("lengths need the package `tokenizers`", "pip install 'cotkit[student]'") from None
        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def marked_template(self) -> ChatTemplate | None:
        """Give the template with `{% generation %}` marks that TRL trains assistant-only loss with; None when there is none.

        It is the student's own, or the `_training` twin that TRL ships for a template that equals one of its own to the letter; twins are
        known where trl is installed.
        """
        if self.template.marks_generation:
            return self.template
        twin = _training_twin(self.template.source)
        return ChatTemplate(twin, self.template.variables, f"TRL's training template for {self.name}") if twin else None

    def count_tokens(self, texts: list[str]) -> list[int] | None:
        """Count the tokens of rendered texts, none added; None when there is no tokenizer."""
        if self.tokenizer is None:
            return None
        return self._words.count(texts) if self._words else counted_whole(self.tokenizer, texts)

    @cached_property
    def _words(self) -> WordCounter | None:
        if self.tokenizer is None or self.tokenizer_file is None:
            return None
        counter = WordCounter.of(self.tokenizer, self.tokenizer_file)
        # a tokenizer that does not do what its settings say is asked for every text
        return counter if counter and counter.count(SPECIMENS) == counted_whole(self.tokenizer, SPECIMENS) else None

    def generation_header(self) -> str:
        r"""Give what the generation prompt writes after the prompt, such as `<|im_start|>assistant\n<think>\n`."""
        asked = PROBE[:1]
        without, opened = self.template.render(asked), self.template.render(asked, generation_prompt=True)
        return opened[len(without) :] if opened.startswith(without) else opened.rpartition(ASKED)[2]

    def end_of_turn(self) -> str:
        r"""Give what the template writes after a response, such as `<|im_end|>\n`."""
        _, said, end = self.template.render(PROBE).rpartition(SAID)
        return end if said else ""


def load_student(spec: str, kwargs: Mapping[str, Any] | None = None) -> Student:
    """Load a student from a folder, a file or the Hub, its template given `kwargs`.

    Raises CotkitError when there is no chat template, it cannot be had, or it does not read one of the `kwargs`.
    """
    student = _load(spec)
    return student.given(kwargs) if kwargs else student


def _load(spec: str) -> Student:
    path = Path(spec)
    if path.is_dir():
        return _from_folder(spec, {name: path / name for name in FILES if (path / name).is_file()})
    if path.suffix in (".jinja", ".j2", ".jinja2"):
        return _from_template(spec, _text(path))
    if path.suffix == ".json":
        return _from_folder(spec, {"tokenizer_config.json": path} if path.is_file() else _missing(path))
    if path.exists() or not HUB_ID.fullmatch(spec):
        raise CotkitError(
            f"{spec}: not a student", "give a model folder, a .jinja file, a tokenizer_config.json or a Hub id such as owner/model"
        )
    return _from_folder(spec, _hub_files(spec))


def _training_twin(source: str) -> str | None:
    """Look a template's `_training` twin up in an installed trl, which is not imported."""
    found = find_spec("trl")
    for folder in found.submodule_search_locations or [] if found else []:
        for path in sorted((Path(folder) / "chat_templates").glob("*_training.jinja")):
            original = path.with_name(path.name.replace("_training", ""))
            if original.exists() and original.read_text(encoding="utf-8") == source:
                return path.read_text(encoding="utf-8")
    return None


def _from_folder(name: str, files: dict[str, Path]) -> Student:
    config, tokens, template_json = (
        _json(files.get(f)) for f in ("tokenizer_config.json", "special_tokens_map.json", "chat_template.json")
    )
    tokenizer_json = files.get("tokenizer.json")
    source = _text(files["chat_template.jinja"]) if "chat_template.jinja" in files else template_json.get("chat_template")
    source = _one_template(source or config.get("chat_template"))
    if not source:
        raise CotkitError(f"{name}: no chat template", "a base model has none: give that of its instruct model, or a .jinja file")
    named = {key: _content(value) for key in NAMED if (value := config.get(key) or tokens.get(key))}
    extra = {_content(token) for key in ("additional_special_tokens", "extra_special_tokens") for token in _listed(config.get(key))}
    added = [*config.get("added_tokens_decoder", {}).values(), *_json(tokenizer_json).get("added_tokens", [])]
    template = ChatTemplate(source, named, f"the chat template of {name}")
    special = set(named.values()) | extra | {token["content"] for token in added if token.get("special")}
    written = {token["content"] for token in added if token["content"] in template.literal_text}
    control = _without_tags(special | written) or _token_like(template)
    return Student(name, template, control, named.get("eos_token"), tokenizer_json)


def _from_template(name: str, source: str) -> Student:
    bare = ChatTemplate(source, name=f"the template {name}")
    variables = {key: f"<{key.removesuffix('_token').upper()}>" for key in NAMED if key in bare.asks_for}
    template = ChatTemplate(source, variables, bare.name)
    return Student(name, template, _token_like(template), None)


def _token_like(template: ChatTemplate) -> tuple[str, ...]:
    """Find what looks like a special token in a template's text and in what it writes, where pieces are joined."""
    try:
        written = template.render(PROBE) + template.render(PROBE[:1], generation_prompt=True)
    except TemplateFailure:
        written = ""
    return _without_tags(set(TOKEN_LIKE.findall(template.literal_text + written)))


def _without_tags(tokens: set[str]) -> tuple[str, ...]:
    # some vocabularies add runs of blanks: those end no turn
    return tuple(sorted(token for token in tokens if token.strip() and token not in THINK_TAGS))


def _one_template(template: Any) -> str | None:
    """Take the one named `default` of several, as tokenizers do."""
    if isinstance(template, list):
        template = {entry["name"]: entry["template"] for entry in template}
    return template.get("default") if isinstance(template, dict) else template


def _content(token: Any) -> str:
    return token["content"] if isinstance(token, dict) else token


def _listed(tokens: Any) -> list[Any]:
    return list(tokens.values()) if isinstance(tokens, dict) else tokens or []


def _json(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise CotkitError(f"{path}: not valid JSON: {error}", "give the model's own file") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _missing(path)
    except UnicodeDecodeError as error:
        raise CotkitError(f"{path}: not UTF-8 text: {error}", "give a chat template") from None


def _missing(path: Path) -> Any:
    raise CotkitError(f"{path}: no such file", "give a model folder, a .jinja file, a tokenizer_config.json or a Hub id")


def _hub_files(name: str) -> dict[str, Path]:
    """Fetch the small files of a model, from the cache where they are there."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    found = {}
    for file in FILES:
        try:
            found[file] = Path(hf_hub_download(name, file))
        except LocalEntryNotFoundError as error:
            if not found:
                raise CotkitError(f"{name}: the Hub cannot be reached, and the model is not in the cache", "give a folder") from error
        except EntryNotFoundError:
            continue
        except RepositoryNotFoundError:
            raise CotkitError(
                f"{name}: no such folder, and no such model on the Hub", "check the name; private models need HF_TOKEN"
            ) from None
        except (HfHubHTTPError, OSError) as error:
            raise CotkitError(
                f"{name}: the Hub does not give {file}: {error}", "give a folder that has the model's tokenizer files"
            ) from None
    return found
