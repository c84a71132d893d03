"""Which mutants the session lists: `mutmut` itself runs in `nox -s mutants` alone."""

from __future__ import annotations

from tools import mutants

RESULTS = """
    omnivery.transport.retry.x_decide__mutmut_33: survived
    omnivery.transport.retry.x_decide__mutmut_34: timeout
    omnivery.transport.retry.x_classify__mutmut_1: no tests
"""
DIFF = """
--- omnivery/transport/retry.py
+++ omnivery/transport/retry.py
@@ -1,3 +1,3 @@
 def _backoff():
-    return 2.0 ** min(attempt - 1, 30)
+    return 2.0 ** min(attempt - 1, 31)
"""


def test_what_no_test_noticed_is_listed() -> None:
    assert mutants.unnoticed(RESULTS) == [
        "omnivery.transport.retry.x_decide__mutmut_33",
        "omnivery.transport.retry.x_classify__mutmut_1",
    ]


def test_a_sentence_quotes_what_the_mutant_puts_in() -> None:
    change = mutants.changed_lines(DIFF)
    assert len(change) == 2
    assert mutants.is_explained(change, "- `return 2.0 ** min(attempt - 1, 31)`: both exceed any cap.")
    assert not mutants.is_explained(change, "- `return 2.0 ** min(attempt - 1, 30)`: this is the code itself.")
    assert mutants.is_explained(
        ["-        case _:", "-            stop()"], "- `case _:` taken away: nothing gets here."
    )
