"""From records of the log to rows of the index."""

from __future__ import annotations

from factories.observatories.index_records import judged_report, logged_verdict
from talkpath.observatory.index.fill import ReportRow, ReportTransportRow, index_rows
from talkpath.observatory.log.open_data import open_rows
from talkpath.observatory.log.records import LoggedTransports
from talkpath.observatory.publication import Publication


def test_an_app_that_does_not_exist_is_in_no_row_although_an_older_version_logged_it():
    transports = tuple(LoggedTransports(app, "voice", ("tls/443",)) for app in ("max", "evil_app"))
    record = judged_report(
        logged_verdict("max", "voice", "ok"),
        logged_verdict("evil_app", "voice", "restricted"),
        who=1,
        carried=transports,
    )
    rows = list(index_rows(record, 1))
    assert [row.app for row in rows if isinstance(row, ReportRow)] == ["max"]
    assert [row.app for row in rows if isinstance(row, ReportTransportRow)] == ["max"]
    published = open_rows([record], Publication(min_contributors=1), lambda *_: False)
    assert [dated.row.app for dated in published] == ["max"]
