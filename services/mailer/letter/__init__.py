"""The letter itself: from a snapshot to bytes; knows nothing of sending."""
