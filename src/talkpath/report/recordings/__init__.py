"""What is told of a recording: text, HTML, tp-007 JSON."""
