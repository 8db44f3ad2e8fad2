-- A PIN is demanded for whatever moves a customer's money, by their own hand. Operators that have chosen otherwise keep it so.

ALTER TABLE identity.policy ALTER pin_demanded SET DEFAULT
    '{"roles": ["customer"], "movements": ["p2p-transfer", "cash-out", "merchant-payment", "payment-request", "voucher", "escrow"]}';
UPDATE identity.policy SET pin_demanded = DEFAULT, version = version + 1
 WHERE pin_demanded = '{"roles": ["customer"], "movements": ["p2p-transfer", "cash-out"]}';
