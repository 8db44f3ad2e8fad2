"""What every change shares: its kinds, its rules, its row and its event."""
