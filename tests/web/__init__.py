"""The emulator's web page in a real browser: the distribution's Chromium, driven by Playwright.

Not part of the ordinary suite: `nox -s web` installs Playwright and runs `pytest tests/web`.
"""
