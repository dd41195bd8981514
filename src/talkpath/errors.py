"""The one error tree. Every error that talkpath raises on purpose is one of these:

    TalkpathError
    ├── UsageError    the command or a file given to it makes no sense          exit 2
    ├── WireError     bytes that are no value of the format they claim to be    exit 2 where they were a file
    ├── PeerError     the other end could not be used: absent, refused, wrong   exit 3
    └── BundleError   evidence that does not verify                             exit 4

A message is one sentence: what happened, where, what to do next. It never holds an address.
A network failure during a measurement is a value in the facts, never one of these.
"""


class TalkpathError(Exception):
    """Anything that talkpath raises on purpose."""

    exit_code = 1


class UsageError(TalkpathError):
    """The command line, or a file named on it, makes no sense."""

    exit_code = 2


class WireError(TalkpathError):
    """Bytes that are no value of the format. All that a codec may raise."""

    exit_code = 2


class PeerError(TalkpathError):
    """The far end is absent, refuses, speaks another version, or is not who the link says."""

    exit_code = 3


class BundleError(TalkpathError):
    """Evidence that does not verify."""

    exit_code = 4
