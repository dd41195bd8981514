"""The web server of the page that a phone opens.

Read in this order: `routes` (what is served under /check), `page_files` and `page_texts` (the page), `admission_queue`,
`page_inbox`, `check_messages`, `next_epoch` and `check_progress` (one check), `page_limits` and `receipt_issuer`. Then
what runs the routes: `page_server` (`respond --web`) and `mount` (inside another application). `script_bundle` joins
the page's modules.
"""
