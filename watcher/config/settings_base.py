"""What all settings have in common."""

from pydantic import ConfigDict

from watcher.described_model import DescribedModel


class Settings(DescribedModel):
    """Base of all settings: frozen, and without unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )
