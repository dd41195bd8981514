-- What a day's recordings are consistent with, and a few of the reports that say restricted (queries.DayCount).
ALTER TABLE {day_count} ADD COLUMN IF NOT EXISTS consistent UInt32 AFTER failed;

ALTER TABLE {day_count} ADD COLUMN IF NOT EXISTS bundles Array(String) CODEC(ZSTD(1)) AFTER responders_restricted;

-- The last day of a month that decided anything of a network, app and medium (queries.latest).
CREATE TABLE IF NOT EXISTS {stream_month} (
    month UInt32,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    reports UInt64,
    day Date,
    restricted UInt32,
    ok UInt32,
    closed UInt32,
    impaired UInt32,
    contributors UInt32,
    simulated UInt8,
    version UInt64
) ENGINE = {replacing}
ORDER BY (country, medium, network, app, month)
{settings}, index_granularity = 1024;

-- What still carried calls on a network, by month (queries.transports).
CREATE TABLE IF NOT EXISTS {carry_month} (
    month UInt32,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    transport LowCardinality(String),
    reports UInt64,
    carried UInt64,
    last_day Date,
    version UInt64
) ENGINE = {replacing}
ORDER BY (country, network, app, medium, transport, month)
{settings}, index_granularity = 1024
