"""The version of this talkpath: the only place where it is written."""

VERSION = "0.3.0"
