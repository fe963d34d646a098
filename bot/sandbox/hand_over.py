"""Opens the one door of a sandbox without a network, hands it to the server, and becomes the agent.

    python -I -S hand_over.py SOCKET PORT PROGRAM [ARGUMENT …]

A listening socket belongs to the network in which it was made, whoever holds it. So this listens on the sandbox's own
loopback, passes that socket out through a unix socket, and waits for a byte: from then on the server's proxy takes the
connections that programs make in here, and no process of ours is needed inside. Standard library only, and little of
it: the start of this program is part of a session's price.
"""

import array
import os
import signal
import socket
import sys


def main(path: str, port: str, argv: list[str]) -> None:
    with socket.socket() as door, socket.socket(socket.AF_UNIX) as line:
        door.bind(("127.0.0.1", int(port)))
        door.listen(128)
        line.connect(path)
        line.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [door.fileno()]))])
        if line.recv(1) != b".":
            sys.exit("crewline: the server's proxy did not take over")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and that would be inherited
        signal.signal(number, signal.SIG_DFL)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
