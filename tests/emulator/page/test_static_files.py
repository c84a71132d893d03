"""Styles and script: kept by browsers for as long as they do not change."""

from __future__ import annotations

from omnivery.emulator.page.static_files import static_path
from tests.emulator.page.conftest import Get


def test_files_may_be_kept_because_their_path_changes_with_them(get: Get) -> None:
    for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        response = get(static_path(name))
        assert response.headers["content-type"].partition(";")[0] == kind
        assert "immutable" in response.headers["cache-control"]
        assert static_path(name) in get("/").text
    for name in ("x/nothing.css", "x/..%2f__init__.py", "x/%2e%2e"):
        assert get(f"/_/page/static/{name}").status_code == 404
