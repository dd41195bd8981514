"""Rows of media packets to streams: order, timing, losses, figures per second."""
