"""StepConfig: what the settings of all steps have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from .record import content_hash


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
