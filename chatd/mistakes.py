"""Our own mistakes, and those of plugins: each is logged under an id, and counted."""

import logging
import threading

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_made = 0


def log_mistake(error: BaseException, where: str = "") -> str:
    """Log an error with its traceback; return the id for whoever has to be told."""
    global _made
    with _lock:
        _made += 1
        identifier = f"E{_made}"
    _log.error("internal error %s%s", identifier, where and f" in {where}", exc_info=error)
    return identifier


def mistakes() -> int:
    """Say how many there were in this process."""
    return _made
