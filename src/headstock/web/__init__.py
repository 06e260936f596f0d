"""The live dashboard: `headstock ui`.

A Starlette application over a storage. It keeps nothing of its own: every answer derives from the storage, so that it
may be started and stopped at any time beside workers that write. Pages are static files and JSON; nothing is loaded
from another host, and nothing that users wrote is ever markup or code.
"""
