"""What a browser's check is told of its network: what the network's page shows, in words, and no more."""

from __future__ import annotations

import records

from talkpath.observatory.publication import Publication
from talkpath.observatory.web.network import network
from talkpath.observatory.web.others import others
from talkpath.observatory.web.site import Asked, Site
from talkpath.responder.whereabouts import NOWHERE, Whereabouts

SITE = Site(today=lambda: records.TODAY)
