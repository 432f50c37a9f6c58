"""One thread after the other imports an SDK.

SDKs are imported where they are first needed, often by many threads at once, each by another of
their modules. Python's way out of a deadlock of imports gives some thread half of a package then:
"cannot import name 'HTTPAdapter' from partially initialized module 'requests.adapters'".
"""

import threading

ONE_AT_A_TIME = threading.RLock()  # within it nothing but imports
