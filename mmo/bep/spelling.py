"""How settings are spelled in documents: camelCase."""

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from mmo.bep.processor import Metadata


class Settings(Metadata):
    """Metadata, or a part of it: `blockedForFlags` in documents is `blocked_for_flags` in code."""

    model_config = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)
