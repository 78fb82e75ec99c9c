"""TensorBoard inside a notebook: what has to be in order before `%tensorboard` shows it."""

import os
import shutil
import socket
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tensorboard import manager

from language import _


def prepare_tensorboard() -> None:
    """Let `%tensorboard` find its program, start a new server where the old one is dead, and reach a browser elsewhere.

    On a JupyterHub the browser sees only the hub. The package jupyter-server-proxy, where the hub has it, leads through
    the hub to TensorBoard; otherwise this prints what to do.
    """
    # %tensorboard looks for its program on PATH; where the environment is not activated, it is not there.
    own = sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))  # after pip install --user
    program = shutil.which("tensorboard", path=os.pathsep.join([sysconfig.get_path("scripts"), own]))
    if program:
        os.environ.setdefault("TENSORBOARD_BINARY", program)

    # Each server leaves a file that says where it is; one that was killed hard leaves it for ever.
    for server in manager.get_all():
        try:
            socket.create_connection(("localhost", server.port), timeout=1).close()
        except OSError:
            folder = Path(tempfile.gettempdir(), ".tensorboard-info")
            (folder / f"pid-{server.pid}.info").unlink(missing_ok=True)

    hub = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")  # such as /user/ada/
    if hub and "TENSORBOARD_PROXY_URL" not in os.environ:
        if find_spec("jupyter_server_proxy"):
            os.environ["TENSORBOARD_PROXY_URL"] = f"{hub}proxy/%PORT%/"
        else:
            print(_("On this JupyterHub TensorBoard's page stays empty: jupyter-server-proxy is missing."))
            print(
                _(
                    "pip install jupyter-server-proxy, then stop and start your server (File > Hub Control Panel)."
                )
            )
