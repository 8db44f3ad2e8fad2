"""The authorization server, put together."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse

from api.authorization import authorize, codec, ending, errors, health, metadata, token
from api.authorization.guard import Guard
from api.authorization.parts import Parts

STYLE = Path(__file__).parent / "pages" / "style.css"


def create_authorization(parts: Parts) -> Guard:
    """The authorization server behind its guard."""
    return Guard(create_routes(parts))


def create_routes(parts: Parts) -> FastAPI:
    """Every route of the authorization server, behind it what it is given."""
    app = FastAPI(
        title="mmo authorization server", version="1", docs_url=None, redoc_url=None,
        openapi_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.parts = parts
    app.state.pool = parts.pool
    errors.install(app)
    for module in (health, metadata, token, ending, authorize, codec):
        app.include_router(module.router)

    @app.get("/pages/style.css", include_in_schema=False)
    async def style() -> FileResponse:  # pyright: ignore[reportUnusedFunction] - a route
        return FileResponse(STYLE, headers={"Cache-Control": "public, max-age=3600"})

    return app
