"""The guard: a small program between the bot and an agent, so that nothing of the agent outlives its session.

    python -I -S guard.py STATUS_FD GRACE PROGRAM [ARGUMENT …]
    python -I -S guard.py --serve SOCKET_FD

Standard input is a pipe from the bot. A byte on it, or its end (the bot died, by kill -9 too), ends the agent:
TERM to everything, GRACE seconds, then KILL. The first line on STATUS_FD is ``guard PID``; afterwards one line says
how it went: ``exit CODE``, ``signal NUMBER`` or ``exec ERRNO``, and how many other processes were left to be killed.

The second form is a process that stays and forks a guard for each request, in a millisecond instead of the twenty
that the start of an interpreter takes. Such a guard has what came with its request and nothing else: descriptors,
folder, arguments, environment. That of the serving process is empty but for the mark, and it ends when the bot's
end of the socket closes. A guard does not depend on it any more once it is forked.

Killing a process group is not enough: the shell that an agent's tool started has a group of its own, and a daemon
has a session of its own. On Linux the guard is the *child subreaper* (prctl(2)): whatever loses its parent below
it becomes its child, so that its descendants are all there is to find and to kill. Elsewhere only the agent's
process group is ended. An agent that kills its guard takes its own first process with it (parent-death signal).

Standard library only, and little of it: the start of this program is part of every session's price.
"""

import os
import select
import sys

TERM, KILL, STOP = 15, 9, 19
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LINUX = sys.platform.startswith("linux")
Environment = dict[str, str] | None


def prctl(option: int, value: int) -> None:
    if LINUX:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def start(argv: list[str], status: int, environment: Environment) -> int:
    """The agent's process id. It has a session of its own, and the null device as standard input."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, KILL)
        if os.getppid() != parent:  # the guard died before the signal was asked for
            os._exit(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.set_inheritable(status, False)
        os.execvpe(argv[0], argv, os.environ if environment is None else environment)
    except OSError as error:
        os.write(status, f"exec {error.errno} 0\n".encode())
    os._exit(127)


def descendants() -> list[int]:
    """Every living process below this one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 (pathlib would double the time to start)
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(name))
    found, left = [], [os.getpid()]
    while left:
        below = children.get(left.pop(), [])
        found += below
        left += below
    return found


def send(number: int, agent: int) -> int:
    """Send a signal to all that is below, the agent's group included; how many processes there were."""
    pids = descendants() if LINUX else []
    for kill, target in [(os.kill, pid) for pid in pids] or [(os.killpg, agent)] * (not LINUX):
        try:  # contextlib would double the time to start
            kill(target, number)
        except OSError:  # it has ended meanwhile
            continue
    return len(pids)


class Watch:
    """What is known of the agent: `ending` is its wait status once it has ended."""

    def __init__(self, agent: int) -> None:
        self.agent = agent
        self.ending: int | None = None
        self.poll = select.poll()
        if hasattr(os, "pidfd_open"):
            self.poll.register(os.pidfd_open(agent), select.POLLIN)
            self.interval = 1000
        else:
            self.interval = 20

    def ended(self) -> bool:
        return self.ending is not None

    def reap(self) -> bool:
        """Collect what has ended; whether any child is left."""
        while True:
            try:
                pid, ending = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.agent:
                self.ending = ending

    def wait(self, milliseconds: int) -> bool:
        """Wait until something happens; whether the bot asks for the end, or is gone."""
        events = self.poll.poll(min(milliseconds, self.interval))
        self.reap()
        return any(descriptor == 0 for descriptor, _ in events)


def now() -> int:
    return int(float(os.times().elapsed) * 1000)


def run(argv: list[str], status: int, grace: int, environment: Environment = None) -> None:
    os.write(status, f"guard {os.getpid()}\n".encode())
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    watch = Watch(agent := start(argv, status, environment))
    watch.poll.register(0, select.POLLIN | select.POLLHUP)
    while not watch.wait(60_000) and not watch.ended():
        pass
    if not watch.ended():
        send(TERM, agent)
        deadline = now() + grace
        watch.poll.unregister(0)
        while not watch.ended() and now() < deadline:
            watch.wait(deadline - now() + 1)
    ended_itself = watch.ended()
    killed = sweep(watch)
    ending = watch.ending if watch.ending is not None else KILL
    word = f"signal {os.WTERMSIG(ending)}" if os.WIFSIGNALED(ending) else f"exit {os.WEXITSTATUS(ending)}"
    os.write(status, f"{word} {max(0, killed - (not ended_itself))}\n".encode())


def sweep(watch: Watch) -> int:
    """Kill until nothing is left; how many processes were found. All are stopped before any is killed, so that
    one which multiplies itself loses the race."""
    found, deadline = 0, now() + 20_000
    while watch.reap() and now() < deadline:
        found = max(found, send(STOP, watch.agent))
        send(KILL, watch.agent)
        select.select([], [], [], 0.002)
    if not LINUX:
        send(KILL, watch.agent)
    return found


def serve(descriptor: int) -> None:
    """Fork a guard for each request, until the socket closes."""
    import gc
    import signal
    import socket

    gc.disable()  # a collection in a guard would make the pages that it shares its own
    gc.freeze()
    prctl(PR_SET_CHILD_SUBREAPER, 0)  # what this imports need not be imported by each guard
    line = socket.socket(fileno=descriptor)
    line.setblocking(True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the guards: the bot reads what they write
    while True:
        head, descriptors, _, _ = socket.recv_fds(line, 4, 4)
        request = line.recv(int.from_bytes(head), socket.MSG_WAITALL) if head else b""
        if not request:
            return
        if os.fork() == 0:
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                forked(request.split(b"\0"), descriptors)
            finally:
                os._exit(1)
        for one in descriptors:
            os.close(one)


def forked(words: list[bytes], descriptors: list[int]) -> None:
    """The guard of one request. Received descriptors have the lowest free numbers, in order, all above 2."""
    os.setsid()
    for number, one in enumerate(descriptors[:3]):
        os.dup2(one, number)
    os.dup2(descriptors[3], 3, inheritable=False)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    asked = select.poll()
    asked.register(0, select.POLLIN | select.POLLHUP)
    if asked.poll(0):
        os._exit(0)  # the bot did not wait for this
    grace, folder, count, *rest = (os.fsdecode(word) for word in words)
    argv, pairs = rest[: int(count)], rest[int(count) :]
    environment = dict(zip(pairs[0::2], pairs[1::2], strict=True))
    try:
        os.chdir(folder)
    except OSError as error:
        os.write(3, f"guard {os.getpid()}\nexec {error.errno} 0\n".encode())
        os._exit(0)
    run(argv, 3, int(float(grace) * 1000), environment)
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(int(sys.argv[2]))
    else:
        run(sys.argv[3:], int(sys.argv[1]), int(float(sys.argv[2]) * 1000))
