"""Make a copy of a capture that can be shared: headers that the analysis reads, pseudonyms, no contents."""
