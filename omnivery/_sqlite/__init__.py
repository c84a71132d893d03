"""SQLite files of ours: opened or created in one way, told apart from other files, and SQLite's errors in words."""
