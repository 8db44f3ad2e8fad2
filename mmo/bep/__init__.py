"""Business event processors: rules before an event, reactions after it, set by the operator."""
