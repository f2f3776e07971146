"""No command opens a socket: the data are bundled, and nothing else is fetched."""

import subprocess
import sys

from PIL import Image

from tinygrad_mnist.datasets import load_digits

# An audit hook also catches sockets that C code opens; it cannot be removed, so it gets a process.
WITHOUT_SOCKETS = """
import sys

from PIL import Image

from tinygrad_mnist.datasets import load_digits

def refuse(event, arguments):
    if event.startswith("socket."):
        raise PermissionError(f"{event} {arguments}")

sys.addaudithook(refuse)
from tinygrad_mnist.cli import main
for command in sys.argv[1].splitlines():
    main(command.split(), standalone_mode=False)
"""
COMMANDS = """
data
train --dataset digits --epochs 1 --output run
evaluate run
predict run digit.png
gradcheck --sample 5
graph -o step.txt
play
derive
"""


def run(commands, folder):
    command = [sys.executable, "-c", WITHOUT_SOCKETS, commands.strip()]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_no_command_opens_a_socket(tmp_path):
    Image.fromarray(load_digits().test.raw_images[0] * 15).save(tmp_path / "digit.png")
    done = run(COMMANDS, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "60,000 training" in done.stdout
    assert (tmp_path / "run" / "report.html").exists()


def test_opened_socket_is_noticed(tmp_path):
    code = WITHOUT_SOCKETS.replace("from tinygrad_mnist.cli import main", "import socket; socket.socket()")
    done = subprocess.run([sys.executable, "-c", code, ""], capture_output=True, text=True)
    assert "PermissionError: socket.__new__" in done.stderr
