"""The loop with Adam's fused kernel."""

from functools import partial

from benchmarks.fits import loop

set_threads = loop.set_threads
fit = partial(loop.fit, fused=True)
