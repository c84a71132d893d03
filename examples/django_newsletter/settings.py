"""Django's settings: as few as will do."""

from __future__ import annotations

SECRET_KEY = "for the example alone"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
USE_TZ = True
# A webhook call with many verdicts may exceed Django's 2.5 MB.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 2**20
