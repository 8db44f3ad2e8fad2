"""What people and programs are told: short messages, webhooks and the inboxes of staff."""
