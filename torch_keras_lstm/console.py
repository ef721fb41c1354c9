"""Where messages go: to the standard output, or to ``logging`` where nobody looks at a terminal."""

import logging
import sys

_interactive = True


def write(message: str) -> None:
    """Print ``message`` as it is, or log it when interactive logging is off."""
    if _interactive:
        sys.stdout.write(message)
        sys.stdout.flush()
    elif text := message.strip("\b\r\n"):
        logging.getLogger("torch_keras_lstm").info(text)


def enable_interactive_logging() -> None:
    """Print what ``fit`` and the like have to tell, as by default."""
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """Send it to ``logging``, under the name of the package."""
    global _interactive
    _interactive = False


def is_interactive_logging_enabled() -> bool:
    """Whether it is printed."""
    return _interactive
