-- What still carries calls on a network, by day (queries.transports), counted again with the day.
CREATE TABLE IF NOT EXISTS {carry_day} (
    day Date,
    country LowCardinality(String),
    network LowCardinality(String),
    app LowCardinality(String),
    medium LowCardinality(String),
    transport LowCardinality(String),
    reports UInt32,
    carried UInt32,
    version UInt64
) ENGINE = {replacing} PARTITION BY toYYYYMM(day)
ORDER BY (country, network, day, app, medium, transport)
{settings}, index_granularity = 1024;

INSERT INTO {carry_day}
SELECT day, country, network, app, medium, transport, countIf(NOT withdrawn), countIf(carries AND NOT withdrawn), 0
FROM {transport} FINAL
GROUP BY day, country, network, app, medium, transport
