"""Commands that move no money: rows and events in one transaction."""
