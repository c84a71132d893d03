"""The SDK's SQLite files: opened or created in one way, identified, and with SQLite's errors as messages."""
