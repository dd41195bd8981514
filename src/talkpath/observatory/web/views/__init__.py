"""What each page shows: from an observatory's answers (`PageSource`) and an address (`PageQuery`) to plain records.

One file a page: `now`, `network`, `event`, `events`, `transports`, `claims`, `article`, `data`, `method`, `servers`,
`search`, `picture`; `quotable` has the sentences that may be written of an event. Nothing here knows HTML or HTTP.
"""
