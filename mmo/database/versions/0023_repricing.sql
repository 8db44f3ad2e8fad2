-- Back-tests of tariffs beside those of rules: movements are priced again.

ALTER TABLE trials.backtest ADD tariffs jsonb NOT NULL DEFAULT '[]';    -- [{movement, currency, product, content}]
