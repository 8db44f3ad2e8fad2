"""Marks that a worker's codec puts on payloads that it did not write, or cannot read."""

CLEAR = "mmo-clear"
"""Key of the metadata of a payload that came in clear, through a codec that enciphers."""
UNREADABLE = b"binary/unreadable"
"""Encoding of a payload that was enciphered with another key, or changed."""
