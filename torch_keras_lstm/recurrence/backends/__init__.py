"""What runs the steps of a recurrence: one contract, in ``base.py``, and a file for each that keeps it."""
