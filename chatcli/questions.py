"""What is asked before there is a conversation."""

import contextlib
import os


def ask(question: str) -> str:
    """Ask on standard output, and read one line from standard input, without its end.

    Not a byte more is read: the rest belongs to the conversation. Raises EOFError.
    """
    # On a pipe each thing that is shown is a line.
    text = question if os.isatty(0) else question + "\n"
    with contextlib.suppress(OSError):  # who does not hear the question may answer it all the same
        os.write(1, text.encode())
    line = bytearray()
    while (byte := os.read(0, 1)) != b"\n":
        if not byte:
            raise EOFError
        line += byte
    return line.removesuffix(b"\r").decode(errors="surrogateescape")
