"""Record: the frozen pydantic model that every row of a run is, and its polars schema derived from the same fields.

A name or a type is written once, in the record's class. Bulk work never builds a record per row: it works on frames of
`RECORD.polars_schema()`.
"""

from __future__ import annotations

import hashlib
import json
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import polars as pl


class Record(BaseModel):
    """One row of a table in a run folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def polars_schema(cls) -> pl.Schema:
        """Give the polars schema of a frame of these records; raises TypeError on a field type that has no column type."""
        import polars as pl

        return pl.Schema({name: _polars_type(field.annotation) for name, field in cls.model_fields.items()})


def _polars_type(annotation: Any) -> pl.DataType | type[pl.DataType]:
    import polars as pl

    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        (inner,) = [arg for arg in args if arg is not type(None)]
        return _polars_type(inner)
    if origin is Literal:
        return pl.String
    if origin in (list, tuple):
        return pl.List(_polars_type(args[0]))
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return pl.Struct(dict(annotation.polars_schema()))
    plain: dict[Any, type[pl.DataType]] = {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean, bytes: pl.Binary}
    if annotation in plain:
        return plain[annotation]
    raise TypeError(f"no column type for {annotation!r}")


def content_hash(*parts: Any, length: int = 20) -> str:
    """Hash JSON-able parts to `length` hexadecimal digits; the same parts give the same hash on every machine.

    >>> content_hash("math", "1+1?", "2")
    'c4622056835c65b7f9b2'
    """
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()[:length]
