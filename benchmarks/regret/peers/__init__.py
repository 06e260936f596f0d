"""The other libraries. Each module runs in its library's own environment and imports nothing of headstock."""
