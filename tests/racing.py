"""Many at once: tasks that begin together, and the people who run them."""

import threading
from contextlib import ExitStack, contextmanager

from chat import PATIENCE, RawClient

ROOMS = ["tea", "coffee", "cake"]


def at_once(*tasks):
    """Run tasks on a thread each, begun together; give their results in order."""
    barrier = threading.Barrier(len(tasks))
    results = [None] * len(tasks)
    errors = []

    def run(index, task):
        try:
            barrier.wait(PATIENCE)
            results[index] = task()
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
        assert not thread.is_alive()
    if errors:
        raise errors[0]
    return results


@contextmanager
def people(server, *nicks, strangers=0):
    """Connect clients, logged in or not."""
    with ExitStack() as stack:
        names = [*nicks, *[None] * strangers]
        yield [stack.enter_context(RawClient(server.port, nick=nick)) for nick in names]
