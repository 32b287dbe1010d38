"""Types of the webhook bodies for programs that receive them, made from the published schema."""
