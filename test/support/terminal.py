# Runs a program in a terminal of its own: terminal.py '{"columns": 80, "answers": [["expected text", "typed"]], "args": [...]}'.
# Prints what the terminal showed and ends with the program's exit code.
import fcntl, json, os, pty, select, signal, struct, sys, termios, time

task = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvpe(task["args"][0], task["args"], {**os.environ, "TERM": "xterm-256color"})
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, task["columns"], 0, 0))
answers, shown, seen = list(task["answers"]), b"", 0
# A person types once the screen stands still, not into the middle of a line: since when an answer's text is shown.
due, last = None, time.monotonic()
while True:
    ready, _, _ = select.select([terminal], [], [], 60 if due is None else 0.3)
    if due is not None and (not ready or time.monotonic() - due > 3):
        os.write(terminal, answers.pop(0)[1].encode())
        due = None
    if not ready and due is None and time.monotonic() - last > 59:
        os.kill(pid, signal.SIGKILL)
        break
    if not ready:
        continue
    last = time.monotonic()
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    shown += data
    if due is None and answers and answers[0][0].encode() in shown[seen:]:
        seen = len(shown)
        due = time.monotonic()
sys.stdout.buffer.write(shown)
sys.stdout.flush()
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
