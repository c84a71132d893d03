"""A testing kit: a pytest plugin, a recorder of calls, valid test data, and respx routes.

    def test_it(omnivery_emulator): ...                 fixtures of the plugin, which pytest finds by itself
    with Recorder() as recorder: ...                    every call of this process; then recorder.assert_called(…)
    message(subject="Hi"), bot_event(ip="192.0.2.1")    values that are valid as they are
    delivery_payload("opened"), verdicts_payload()      signed bodies of webhook calls
    mock("mailgun.messages.send").respond()             a route of respx with a valid response

The fixtures with an emulator need the extra `emulator`. `mock` needs respx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnivery._lazy import lazy_exports

if TYPE_CHECKING:
    from omnivery.testing.payload import delivery_payload as delivery_payload
    from omnivery.testing.payload import verdicts_payload as verdicts_payload
    from omnivery.testing.recorded_call import RecordedCall as RecordedCall
    from omnivery.testing.recorder import Recorder as Recorder
    from omnivery.testing.route import OperationRoute as OperationRoute
    from omnivery.testing.route import mock as mock
    from omnivery.testing.values import bot_event as bot_event
    from omnivery.testing.values import message as message
else:
    # To type checkers, a module with a __getattr__ has every name there is.
    __getattr__, __dir__ = lazy_exports(__name__)
