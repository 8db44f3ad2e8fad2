"""Column types that SQLModel would guess wrong."""

from typing import Any

from sqlalchemy import DateTime

MOMENT: Any = DateTime(timezone=True)
"""timestamptz: SQLModel makes a datetime a column without time zone."""
