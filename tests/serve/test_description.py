"""What the server says of itself is true: OpenAPI, the listings and the guide."""

import re
from typing import Any

import documents
import httpx
import jsonschema
import pytest
from serving import served

from img2img.files import shipped_styles
from img2img.models import catalog
from img2img.tasks import PICTURE_TASKS


def routes(api: dict[str, Any]) -> set[str]:
    return {f"{method.upper()} {path}" for path, methods in api["paths"].items() for method in methods}


def test_the_guide_lists_every_route(client: httpx.Client) -> None:
    table = documents.read("docs/guides/serve.md").split("## Routes")[1].split("###")[0]
    listed = set(re.findall(r"`((?:GET|POST|DELETE) /[^`]*)`", table))
    tasks = {task.name for task in PICTURE_TASKS}
    found = {re.sub(rf"/v1/({'|'.join(tasks)})\b", "/v1/{task}", route) for route in routes(client.get("/openapi.json").json())}
    assert found == listed - {"GET /", "GET /openapi.json", "GET /docs"}


def test_every_reference_leads_somewhere_and_every_schema_is_one(client: httpx.Client) -> None:
    api = client.get("/openapi.json").json()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                place: Any = api
                for part in node["$ref"].removeprefix("#/").split("/"):
                    place = place[part]
            if isinstance(node.get("schema"), dict):
                jsonschema.Draft202012Validator.check_schema(node["schema"])
            for each in node.values():
                walk(each)
        elif isinstance(node, list):
            for each in node:
                walk(each)

    walk(api)
    assert api["openapi"].startswith("3.1")
    identities = [about["operationId"] for methods in api["paths"].values() for about in methods.values()]
    assert len(identities) == len(set(identities))


@pytest.mark.parametrize("task", PICTURE_TASKS, ids=lambda task: task.name)
def test_a_task_is_described_by_its_options(client: httpx.Client, task: Any) -> None:
    api = client.get("/openapi.json").json()
    form = api["paths"][f"/v1/{task.name}"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    (shown,) = [each for each in client.get("/v1/tasks").json()["tasks"] if each["name"] == task.name]
    properties = shown["options"]["properties"]
    local = {name for name, about in task.options.model_json_schema()["properties"].items() if about.get("local")}
    assert set(properties) == set(task.options.model_fields) - local
    assert set(properties) | {"picture", "model", "format", "quality", "strip_metadata", "label", "options"} | set(shown["runtime"]) == set(
        form
    )


def test_a_job_is_as_described(client: httpx.Client, small: bytes) -> None:
    api = client.get("/openapi.json").json()
    job = client.post("/v1/upscale?scale=1", files={"picture": small}, headers={"Prefer": "respond-async"}).json()
    jsonschema.validate(job, {"$ref": "#/components/schemas/JobShown", "components": api["components"]})


def test_models_and_styles(client: httpx.Client) -> None:
    models = {model["name"]: model for model in client.get("/v1/models").json()["models"]}
    assert set(catalog()) <= set(models)
    assert models["upscale-4x-photo"]["loaded"]
    assert all(models[name]["description"] for name in catalog())
    assert models["upscale-4x-photo"]["parameters"] == 687216
    styles = client.get("/v1/styles").json()["styles"]
    assert [style["name"] for style in styles] == list(shipped_styles())
    painting = client.get(styles[0]["url"])
    assert painting.content == shipped_styles()[styles[0]["name"]].read_bytes()
    assert client.get("/v1/styles/none").status_code == 404


def test_health_says_when_the_model_is_loaded_and_own_models_are_offered(small: bytes) -> None:
    own = str(catalog()["upscale-4x-fidelity"])
    with served(models=(own,)) as client:
        seen = client.get("/healthz")
        while seen.status_code == 503:
            assert (seen.json()["status"], seen.json()["loaded"]) == ("starting", [])
            seen = client.get("/healthz")
        assert (seen.json()["status"], seen.json()["loaded"]) == ("ok", ["upscale-4x-fidelity"])
        client.app.state.img2img.jobs.begin_closing()  # type: ignore[attr-defined]
        assert client.get("/healthz").json()["status"] == "ending"
        refused = client.post("/v1/upscale", files={"picture": small})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
