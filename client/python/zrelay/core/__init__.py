"""Every decision of the client. Nothing here knows a socket, a clock or asyncio: `edge.py` says what the core needs of the outside."""
