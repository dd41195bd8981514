"""Recognises calls by their bytes, as published middleboxes do, for the restrictor.

Read `signatures` (what is known of each app, with its source), `hellos` (which implementation sent a ClientHello), then
`trace` (what is recognised of one flow, packet by packet). Nothing here may use `talkpath.apps`.
"""
