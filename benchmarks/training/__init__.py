"""What training is worth, measured; run it with `python -m benchmarks.training`."""
