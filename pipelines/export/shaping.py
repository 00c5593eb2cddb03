"""What a row looks like: reasoning and response joined into the columns of a format, and the rows whose texts cannot be joined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .formats import Format
from .proof import Conversation

if TYPE_CHECKING:
    import polars as pl

TAGS = ("<think>", "</think>")
REFUSED_TAGGED = "their text holds a <think> or </think> tag, which chat templates would lose or double"
REFUSED_EMPTY = "their text is empty"


def refusal(reasoning: str) -> pl.Expr:
    """Give the reason why a row is refused for its texts alone, or null."""
    import polars as pl

    texts = ["response"] if reasoning == "none" else ["response", "reasoning"]
    tagged = pl.any_horizontal(pl.col(text).str.contains_any(list(TAGS)).fill_null(False) for text in texts)
    empty = pl.all_horizontal(~pl.col(text).str.contains(r"\S").fill_null(False) for text in texts)
    return pl.when(tagged).then(pl.lit(REFUSED_TAGGED)).when(empty).then(pl.lit(REFUSED_EMPTY))


def shape(format: Format, reasoning: str) -> pl.Expr:
    """Give `completion`, one assistant turn, or `messages`, the prompt's turns and that one."""
    import polars as pl

    thought, response = pl.col("reasoning"), pl.col("response")
    content = response
    if reasoning == "inline":
        inline = pl.format("<think>\n{}\n</think>\n\n{}", thought, response)
        content = pl.when(thought.is_null()).then(response).otherwise(inline)
    field = [thought.alias("reasoning_content")] if reasoning == "field" else []
    completion = pl.concat_list(pl.struct(pl.lit("assistant").alias("role"), content.alias("content"), *field))
    if format.columns == "prompt_completion":
        return completion.alias("completion")
    turn = [pl.element().struct.field(name) for name in ("role", "content")]
    without = [pl.lit(None, pl.String).alias("reasoning_content")] * len(field)
    turns = pl.col("prompt").list.eval(pl.struct(*turn, *without))
    return pl.concat_list(turns, completion).alias("messages")


def template_variables(kwargs: Mapping[str, Any]) -> pl.Expr:
    """Give `chat_template_kwargs`, the column from which TRL takes what it gives the chat template besides the messages."""
    import polars as pl

    return pl.struct(pl.lit(value).alias(name) for name, value in kwargs.items()).alias("chat_template_kwargs")


def conversation_of(row: dict[str, Any], without_nulls: bool = False) -> Conversation:
    """Give the messages of a written row and the first one that is trained."""
    if "completion" in row:
        messages, start = row["prompt"] + row["completion"], len(row["prompt"])
    else:
        messages, start = row["messages"], 0
    if without_nulls:
        messages = [{key: value for key, value in message.items() if value is not None} for message in messages]
    return messages, start
