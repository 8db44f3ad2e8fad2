"""A role says that it is ready, for whoever started it."""

from mmo.settings import Settings


def notify(settings: Settings) -> None:
    """Touch the file that the settings name, where they name one. Safe to repeat."""
    if settings.ready_file is not None:
        settings.ready_file.touch()
