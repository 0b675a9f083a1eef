import json
import urllib.error
import urllib.request

import gradio as gr
import pytest

from tests.ui.callers import HOST, profile, request
from ui import access
from ui.access import LOCAL_USER, Refused, writer


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "team/studio")
    monkeypatch.setenv("SPACE_HOST", "team-studio.hf.space, studio.example.org")
    monkeypatch.setenv("OAUTH_CLIENT_SECRET", "secret")


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPACE_ID", "SPACE_HOST", "OAUTH_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)


class TestOnThisMachine:
    @pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "localhost"])
    def test_the_own_page_and_local_programs_may_write(self, host: str) -> None:
        assert writer(request(host=host, origin=f"http://{host}")) == LOCAL_USER
        assert writer(request(host=host)) == LOCAL_USER

    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "http://127.0.0.1:9999", "http://127.0.0.1", "null", "", "file://127.0.0.1:7860",
         "http://evil@127.0.0.1:7860", "http://[::1", "http://127.0.0.1:7860.evil.example"],
    )  # fmt: skip
    def test_another_web_site_may_not(self, origin: str) -> None:
        with pytest.raises(Refused, match="another web site"):
            writer(request(origin=origin))

    def test_a_domain_that_points_at_this_machine_may_not(self) -> None:
        with pytest.raises(Refused, match="on the machine"):
            writer(request(host="evil.example:7860", origin="http://evil.example:7860"))

    @pytest.mark.parametrize("client", ["192.168.1.5", "8.8.8.8", "", None])
    def test_another_machine_may_not(self, client: str | None) -> None:
        with pytest.raises(Refused, match="on the machine"):
            writer(request(client=client, origin=f"http://{HOST}"))

    @pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "x_real_ip"])
    def test_whoever_comes_through_a_proxy_may_not(self, header: str) -> None:
        with pytest.raises(Refused, match="on the machine"):
            writer(request(**{header: "8.8.8.8"}))

    @pytest.mark.parametrize("host", ["", "[::1", "evil@", "127.0.0.1.evil.example"])
    def test_a_host_that_is_no_name_of_this_machine_may_not(self, host: str) -> None:
        with pytest.raises(Refused):
            writer(request(host=host))

    def test_a_login_cookie_means_nothing_here(self) -> None:
        assert writer(request(oauth=profile("admin"))) == LOCAL_USER
        with pytest.raises(Refused):
            writer(request(client="8.8.8.8", oauth=profile("admin")))


@pytest.mark.usefixtures("space")
class TestOnASpace:
    @pytest.mark.parametrize("origin", ["https://team-studio.hf.space", "https://studio.example.org"])
    def test_who_is_logged_in_may_write_under_their_name(self, origin: str) -> None:
        assert writer(request("10.0.0.1", profile("ann"), origin=origin)) == "ann"

    def test_who_is_not_logged_in_may_not(self) -> None:
        for oauth in (None, {}, {"userinfo": {}}, profile(expires_in=-1), {"userinfo": profile()["userinfo"]}):
            with pytest.raises(Refused, match="Log in"):
                writer(request("10.0.0.1", oauth, origin="https://team-studio.hf.space"))

    @pytest.mark.parametrize(
        "origin", [None, "https://evil.example", f"http://{HOST}", "https://team-studio.hf.space.evil"]
    )
    def test_another_web_site_or_no_origin_may_not(self, origin: str | None) -> None:
        headers = {"origin": origin} if origin else {}
        with pytest.raises(Refused, match="another web site"):
            writer(request("10.0.0.1", profile(), **headers))

    def test_without_its_own_secret_nobody_may(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("OAUTH_CLIENT_SECRET")
        assert access.notice()
        with pytest.raises(Refused, match="read-only"):
            writer(request("127.0.0.1", profile("admin"), origin="https://team-studio.hf.space"))

    def test_with_its_secret_there_is_no_notice(self) -> None:
        assert access.notice() is None


def test_a_private_handler_called_by_raw_http_with_a_foreign_origin_writes_nothing() -> None:
    written: list[str] = []

    def write(text: str, request: gr.Request) -> str:
        written.append(access.writer(request) + text)
        return "done"

    with gr.Blocks() as app:
        box = gr.Textbox()
        gr.Button().click(write, box, box, api_name="write", api_visibility="private", queue=False)
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)

    def post(**headers: str) -> int:
        body = json.dumps({"data": ["x"], "fn_index": 0}).encode()
        call = urllib.request.Request(
            f"{url}gradio_api/run/predict", body, {"Content-Type": "application/json", **headers}
        )
        try:
            return urllib.request.urlopen(call, timeout=60).status
        except urllib.error.HTTPError as error:
            return error.code

    try:
        assert post(Origin="https://evil.example") >= 400 and written == []
        assert post(Host="evil.example", Origin="http://evil.example") >= 400 and written == []
        assert post(Origin=url.rstrip("/")) == 200 and written == [f"{LOCAL_USER}x"]
        assert post() == 200 and len(written) == 2
    finally:
        app.close()
