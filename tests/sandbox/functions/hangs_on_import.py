"""A module whose import never ends."""

import threading

print("importing")
threading.Event().wait()
