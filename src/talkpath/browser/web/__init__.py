"""The web server of the page that a phone opens.

Read in this order: `routes` (what is served under /check), `page_files` and `page_texts` (the page), `admission_queue`
(who is let in), `check_messages` and `next_epoch` (one check), and `receipt_issuer`. `page_server` runs the routes for
`respond --web`, `routes.Mount` inside another application.
"""
