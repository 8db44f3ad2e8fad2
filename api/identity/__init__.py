"""Administration of users, roles, clients and PINs."""
