"""The dashboard as a server that answers its own pages only: `streamlit run …/server/serve.py`."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit import config
from streamlit.starlette import App

from orchestration.platform.loopback import LoopbackOnly

app = App(
    Path(__file__).with_name("app.py"),
    middleware=[Middleware(LoopbackOnly, port=int(config.get_option("server.port")))],
)
