"""Who may: users, roles, clients, log-ins, and the PIN vault."""
