"""The ``training`` argument of a layer's call, as the layers that it calls in turn inherit it.

Keras hands ``training=True`` of an outer call to every layer inside that takes the argument. A thread-local variable,
and no context variable, because ``torch.compile`` follows the one and not the other.
"""

import threading


class _CallContext(threading.local):
    """What is known of the calls around the present one of this thread.

    Attributes:
        training: what they were told; ``None`` outside of them.
        watched: whether a model among them watches for gradients in a mode that nobody chose.
    """

    training: bool | None = None
    watched: bool = False


CALL_CONTEXT = _CallContext()
