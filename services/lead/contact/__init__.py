"""Ways to reach the customer, read out of their own words. Begin at `extract.py`."""
