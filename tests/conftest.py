"""What holds for all tests, however they were started."""

import signal

# A shell starts what runs in the background with Ctrl-C ignored, and whatever that starts ignores it too.
signal.signal(signal.SIGINT, signal.default_int_handler)
