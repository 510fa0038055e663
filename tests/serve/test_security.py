"""Other sites, other names, other people."""

import httpx
import pytest
from serving import served

from img2img.serve.security import HostAndHeaders, is_loopback
from img2img.serve.settings import Settings

TOKEN = "a long enough token"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.7", "localhost.evil.example:8765", ""])
def test_another_host_is_refused(client: httpx.Client, host: str) -> None:
    for path in ("/", "/v1/models", "/healthz"):
        assert client.get(path, headers={"Host": host}).status_code in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_this_machines_names_are_right(client: httpx.Client, host: str) -> None:
    assert client.get("/v1/styles", headers={"Host": host}).status_code == 200


def test_beyond_loopback_addresses_and_given_names_are_right() -> None:
    layer = HostAndHeaders(None, Settings(host="0.0.0.0", allow_hosts=("pictures.example",)))  # type: ignore[arg-type]
    assert layer._is_ours("192.168.1.7:8765")
    assert layer._is_ours("Pictures.example")
    assert not layer._is_ours("evil.example")
    assert [is_loopback(host) for host in ("127.8.8.8", "::1", "localhost", "0.0.0.0", "example")] == [True] * 3 + [False] * 2


FOREIGN = [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]


@pytest.mark.parametrize("headers", FOREIGN)
def test_pages_of_other_sites_change_nothing(client: httpx.Client, small: bytes, headers: dict[str, str]) -> None:
    assert client.post("/v1/upscale", files={"picture": small}, headers=headers).status_code == 403
    assert client.delete("/v1/jobs/x", headers=headers).status_code == 403


def test_the_own_page_may(client: httpx.Client, small: bytes) -> None:
    headers = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    answer = client.post("/v1/upscale?scale=1", files={"picture": small}, headers=headers)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_every_answer_tells_browsers_to_be_strict(client: httpx.Client) -> None:
    for path in ("/", "/v1/models", "/nothing", "/docs", "/openapi.json", "/v1/jobs/x"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "http" not in client.get("/docs").text.replace("http-equiv", "").lower().split("<body>")[0]


def test_a_token_guards_all_but_the_page(small: bytes) -> None:
    with served(token=TOKEN) as client:
        assert client.get("/").status_code == 200
        assert client.get("/healthz").status_code in (200, 503)
        for path in ("/v1/models", "/v1/tasks", "/metrics", "/openapi.json", "/docs", "/v1/jobs/x", "/v1/styles/harvest"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert client.post("/v1/upscale", files={"picture": small}, headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/v1/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_no_spelling_of_a_path_goes_past_the_token() -> None:
    with served(token=TOKEN) as client:
        for path in ("//v1/models", "/./v1/models", "/%76%31/models", "/v1//models", "/static/../v1/models", "/V1/models", "/../app.py"):
            assert client.get(path).status_code in (401, 404)


def test_cors_lets_one_site() -> None:
    with served(cors=("https://friend.example",)) as client:
        friend = client.post("/v1/upscale", headers={"Origin": "https://friend.example", "Sec-Fetch-Site": "cross-site"})
        assert friend.status_code == 415
        assert friend.headers["access-control-allow-origin"] == "https://friend.example"
        assert client.post("/v1/upscale", headers={"Origin": "https://evil.example"}).status_code == 403
