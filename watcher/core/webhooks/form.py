"""Which bytes of an event a delivery carries. Fixed when the delivery is made, so that they never change."""

from enum import StrEnum

_CLOUDEVENTS = "cloudevents_"


class Form(StrEnum):
    """The first three are stored with the event; those of CloudEvents are made of them (`cloud_events.structured`)."""

    FULL = "full"
    THIN = "thin"
    TRUNCATED = "truncated"
    CLOUDEVENTS_FULL = "cloudevents_full"
    CLOUDEVENTS_THIN = "cloudevents_thin"
    CLOUDEVENTS_TRUNCATED = "cloudevents_truncated"

    @property
    def stored(self) -> "Form":
        """The form whose bytes are stored."""
        return Form(self.removeprefix(_CLOUDEVENTS))

    @property
    def is_cloud_event(self) -> bool:
        return self.startswith(_CLOUDEVENTS)

    @property
    def as_cloud_event(self) -> "Form":
        return Form(_CLOUDEVENTS + self.stored)
