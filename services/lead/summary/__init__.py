"""What a lead says: by a model and checked, or by rule. Begin at `summaries.py`."""
