"""What is said over the socket of the process `keys`: a length in four bytes, then JSON."""

import asyncio
import base64
from typing import Any

import orjson

FRAME_MAX = 64 * 1024
_LENGTH = 4


class FrameError(Exception):
    """What came is no frame: too long, or no JSON object."""


def packed(content: dict[str, Any]) -> bytes:
    """A frame. Raises FrameError where it would be too long."""
    body = orjson.dumps(content)
    if len(body) > FRAME_MAX:
        raise FrameError(f"a frame has at most {FRAME_MAX} bytes, this has {len(body)}")
    return len(body).to_bytes(_LENGTH) + body


async def unpacked(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next frame; None at the end. Raises FrameError, before it reads a frame too long."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH))
        if length > FRAME_MAX:
            raise FrameError(f"a frame has at most {FRAME_MAX} bytes, this says {length}")
        content: Any = orjson.loads(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        return None
    except orjson.JSONDecodeError:
        raise FrameError("a frame is JSON") from None
    if not isinstance(content, dict):
        raise FrameError("a frame is a JSON object")
    return content  # pyright: ignore[reportUnknownVariableType]


def text_of(raw: bytes) -> str:
    """Bytes as they travel."""
    return base64.b64encode(raw).decode()


def bytes_of(text: str) -> bytes:
    """And back."""
    return base64.b64decode(text, validate=True)
