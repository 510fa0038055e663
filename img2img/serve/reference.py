"""The page of the API, made from its OpenAPI description: no script, nothing from another host."""

from html import escape
from typing import Any


def reference_page(api: dict[str, Any]) -> str:
    """HTML that lists every route of ``api`` with its parameters and answers."""
    routes = [
        _route(method, path, about)
        for path, methods in api["paths"].items()
        for method, about in methods.items()
        if method in ("get", "post", "delete")
    ]
    title = escape(api["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: the API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"></head>'
        f'<body><main><h1>{title}: the API</h1><p>The same for programs: <a href="openapi.json">openapi.json</a></p>'
        + "".join(routes)
        + "</main></body></html>"
    )


def _route(method: str, path: str, about: dict[str, Any]) -> str:
    fields = {
        field["name"]: field.get("schema", {}) | {"description": field.get("description", "")} for field in about.get("parameters", [])
    }
    form = about.get("requestBody", {}).get("content", {}).get("multipart/form-data", {}).get("schema", {})
    fields |= form.get("properties", {})
    rows = "".join(
        f"<tr><th scope=row><code>{escape(name)}</code></th><td>{escape(str(schema.get('description', '')))}</td></tr>"
        for name, schema in fields.items()
    )
    answers = ", ".join(f"{code}: {escape(answer.get('description', ''))}" for code, answer in about.get("responses", {}).items())
    told = escape(about.get("description") or about.get("summary", ""))
    table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
    return f"<section><h2><code>{method.upper()} {escape(path)}</code></h2><p>{told}</p>{table}<p>{answers}</p></section>"
