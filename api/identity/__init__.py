"""Administration of users, roles and clients."""
