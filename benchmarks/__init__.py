"""What this package costs beside its peers: ``python -m benchmarks --help``; docs/performance.md."""
