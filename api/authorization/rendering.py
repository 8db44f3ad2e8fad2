"""Pages: plain HTML without a script, and the headers that keep them whole."""

from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
)


def page(name: str, status: int = 200, *, goes_to: str = "", **told: Any) -> HTMLResponse:
    """Render a page. `goes_to`: the origin that a form may lead on to after its redirect."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self' {goes_to}"
    )
    headers = {
        "Content-Security-Policy": policy.strip(),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # with none, a form of ours has the origin `null`
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    return HTMLResponse(_PAGES.get_template(f"{name}.html").render(told), status, headers=headers)
