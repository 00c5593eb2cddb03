"""StepConfig: what the settings of all steps have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from .record import content_hash

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class StepConfig(BaseModel):
    """The settings of one step."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def fingerprint(self) -> str:
        """Hash the settings that change what the step writes."""
        return content_hash(self.model_dump(mode="json", exclude=self.incidental()))

    @classmethod
    def incidental(cls) -> set[str]:
        """Name the settings that change speed, not results."""
        return set()
